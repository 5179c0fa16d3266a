// SPDX-License-Identifier: BSD-2-Clause
// Who may do what through which file of /dev/ipjit.
//
//   files      in the virtual machine, module loaded with mode=on
//
// Files open for reading only, callers without capabilities, mappings that want to write, readers
// that do not keep up, a page that never arrives, a module that somebody still holds.
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <functional>
#include <thread>

#include "tests/kernel/door.h"

namespace ipjit::door {
namespace {

/// What `task` returns in a child that is the user 1000 with no capability.
int as_user(const std::function<int()>& task) {
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(1000) != 0 || setuid(1000) != 0) _exit(255);
    _exit(task());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

void test_permissions(Tally& tally, const Fd& device, uint64_t id) {
  struct stat st = {};
  stat(IPJIT_DEV_PATH, &st);
  tally.equal("the device's mode", st.st_mode & 0777, 0660);
  tally.gives("a user opens it",
              as_user([] { return open(IPJIT_DEV_PATH, O_RDONLY) < 0 ? errno : 0; }), {EACCES});
  uint32_t zero = 0;
  ipjit_dev_target target = {.id = id, .version = 0};
  ipjit_dev_budget budget = {};
  const std::pair<unsigned long, void*> admin[] = {
      {IPJIT_IOC_MODE, &zero},    {IPJIT_IOC_SHADOW, &zero},   {IPJIT_IOC_PAUSE, &zero},
      {IPJIT_IOC_EVICT, &target}, {IPJIT_IOC_BUDGET, &budget}, {IPJIT_IOC_SWEEP, nullptr}};
  for (const auto& [verb, argument] : admin)
    tally.gives("verb " + std::to_string(_IOC_NR(verb)) + " of a file that root opened",
                as_user([&] { return call(device, verb, argument); }), {EPERM});
  tally.gives("INFO of it", as_user([&] { return info(device).version == 0 ? EIO : 0; }), {0});
  tally.gives("INSTALL through it, by a user without capabilities", as_user([&] {
                Unit unit(id, returns(1), version_of(device, id));
                return unit.send(device);
              }),
              {0});
  Fd reader = open_device(O_RDONLY);
  Unit unit(id, returns(1), version_of(device, id));
  tally.gives("INSTALL through a file for reading", unit.send(reader), {EBADF});
  target.version = version_of(device, id);
  tally.gives("RETREAT through it", call(reader, IPJIT_IOC_RETREAT, &target), {EBADF});
  tally.equal("INFO through it", info(reader).version, IPJIT_DEV_VERSION);
}

/// One file is the daemon's, and who may only look cannot keep it from being so.
void test_claim(Tally& tally) {
  const auto claim = [](const Fd& file) {
    return call(file, IPJIT_IOC_CLAIM, static_cast<void*>(nullptr));
  };
  Fd reader = open_device(O_RDONLY), first = open_device(), second = open_device();
  tally.gives("a claim through a file for reading", claim(reader), {EBADF});
  if (flock(reader.get(), LOCK_EX | LOCK_NB) != 0) std::perror("flock");
  tally.gives("a claim", claim(first), {0});
  tally.gives("the same again", claim(first), {0});
  tally.gives("another file's", claim(second), {EBUSY});
  second.close();
  tally.gives("which changes nothing by going", claim(open_device()), {EBUSY});
  first.close();
  tally.gives("once the holder has gone", claim(open_device()), {0});
  tally.gives("and again", claim(open_device()), {0});
}

void test_mappings(Tally& tally, const Fd& device) {
  const size_t bytes = info(device).sample_area;
  const auto map = [&](int protection, int flags, size_t size, off_t at) {
    void* area = mmap(nullptr, size, protection, flags, device.get(), at);
    if (area == MAP_FAILED) return errno;
    munmap(area, size);
    return 0;
  };
  tally.gives("a mapping to read", map(PROT_READ, MAP_SHARED, bytes, 0), {0});
  tally.gives("a mapping to write", map(PROT_READ | PROT_WRITE, MAP_SHARED, bytes, 0), {EPERM});
  tally.gives("a private one", map(PROT_READ | PROT_WRITE, MAP_PRIVATE, bytes, 0), {EPERM});
  tally.gives("a mapping to execute", map(PROT_READ | PROT_EXEC, MAP_SHARED, bytes, 0), {EPERM});
  tally.gives("a page too much", map(PROT_READ, MAP_SHARED, bytes + 4096, 0), {EINVAL});
  tally.gives("a page behind", map(PROT_READ, MAP_SHARED, 4096, static_cast<off_t>(bytes)),
              {EINVAL});
  tally.gives("an offset that wraps", map(PROT_READ, MAP_SHARED, 8192, INT64_MAX & ~off_t{4095}),
              {EINVAL, EOVERFLOW});
  void* area = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, device.get(), 0);
  tally.gives("to write later", mprotect(area, bytes, PROT_READ | PROT_WRITE) ? errno : 0,
              {EACCES});
  tally.gives("to execute later", mprotect(area, bytes, PROT_READ | PROT_EXEC) ? errno : 0,
              {EACCES});
  ipjit_dev_rings rings;
  std::memcpy(&rings, area, sizeof rings);
  tally.equal("bytes of a record", rings.record_bytes, sizeof(ipjit_dev_sample));
  tally.equal("bytes of the area", 4096 + uint64_t{rings.cpus} * rings.ring_bytes, bytes);
  munmap(area, bytes);
}

/// A module that is held cannot be unloaded: by a mapping after its file is closed, by a file.
void test_holding(Tally& tally) {
  const auto unload = [] { return syscall(SYS_delete_module, "ipjit", O_NONBLOCK) ? errno : 0; };
  Fd device = open_device();
  tally.gives("unloading while a file is open", unload(), {EWOULDBLOCK});
  void* area = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, device.get(), 0);
  device.close();
  tally.gives("unloading while a mapping is there", unload(), {EWOULDBLOCK});
  tally.expect("which can still be read", static_cast<ipjit_dev_rings*>(area)->records > 0);
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  munmap(area, 4096);
  tally.gives("unloading while a child has it", unload(), {EWOULDBLOCK});
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

void test_queues(Tally& tally) {
  std::vector<Fd> many;
  int error = 0;
  while (error == 0 && many.size() < 100) {
    many.push_back(open_device());
    if (many.back().get() < 0) error = errno;
  }
  tally.gives("the sixty-fifth file", error, {EBUSY});
  tally.equal("files before it", many.size() - 1, 64);
}

void test_events(Tally& tally, const Fd& device) {
  Fd slow = open_device(), fast = open_device();
  const unsigned rounds = 700;  // each tells of a filter that comes and one that goes
  uint64_t heard = 0, ids = 0, missed = 0, last = 0;
  std::vector<ipjit_dev_event> events(4096);
  const auto hear = [&](const Fd& file) {
    const ssize_t got = read(file.get(), events.data(), events.size() * sizeof events[0]);
    for (ssize_t i = 0; i < got / ssize_t{sizeof events[0]}; ++i) {
      ++heard;
      missed += events[i].lost;
      if (events[i].type != IPJIT_DEV_ATTACHED) continue;
      ids += events[i].id > last;
      last = events[i].id;
    }
  };
  tally.gives("no event", read(fast.get(), events.data(), 24) < 0 ? errno : 0, {EAGAIN});
  tally.gives("less than an event", read(fast.get(), events.data(), 23) < 0 ? errno : 0, {EINVAL});
  {
    Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    for (unsigned i = 0; i < rounds; ++i, usleep(1000)) {
      sock_filter accept = {BPF_RET | BPF_K, 0, 0, 1 + i};
      const sock_fprog program = {.len = 1, .filter = &accept};
      setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
      hear(fast);
    }
  }
  for (int i = 0; i < 3000 && info(device).filters > 1; ++i, usleep(20'000)) hear(fast);
  hear(fast);
  const uint64_t all = heard;
  tally.expect("who reads hears nearly every filter come", ids > rounds * 9 / 10,
               std::to_string(ids));
  tally.equal("and loses nothing", missed, 0);
  heard = 0;
  tally.gives("reading to nowhere", syscall(SYS_read, slow.get(), 1L, 4096L) < 0 ? errno : 0,
              {EFAULT});
  hear(slow);
  tally.equal("who does not read is told how much was lost", heard + missed, all);
  tally.expect("which is more than a queue holds", missed > 0 && heard <= 1024);
  pollfd one = {.fd = slow.get(), .events = POLLIN, .revents = 0};
  tally.equal("nothing to poll for", poll(&one, 1, 0), 0);
}

/// An install whose code lies on a page that does not come must hold up nobody else.
void test_page_that_never_comes(Tally& tally, const Fd& device, uint64_t id) {
  Fd faults(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
  uffdio_api api = {.api = UFFD_API, .features = 0, .ioctls = 0};
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uffdio_register range = {};
  range.range = {.start = address(page), .len = 4096};
  range.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (ioctl(faults.get(), UFFDIO_API, &api) || ioctl(faults.get(), UFFDIO_REGISTER, &range)) {
    std::printf("skip a page that never comes: userfaultfd: %s\n", word(errno).c_str());
    return;
  }
  std::jthread stuck([&] {
    Unit unit(id, returns(3), version_of(device, id));
    unit.ask.code = address(page);
    unit.ask.code_len = 64;
    unit.send(device);
  });
  pollfd one = {.fd = faults.get(), .events = POLLIN, .revents = 0};
  tally.equal("an install waits for its code", poll(&one, 1, 60'000), 1);
  Unit other(id, returns(4), version_of(device, id));
  uint32_t on = 1, off = 0;
  tally.gives("another one does not", other.send(device), {0});
  tally.gives("nor does a pause", call(device, IPJIT_IOC_PAUSE, &on), {0});
  tally.gives("nor going on", call(device, IPJIT_IOC_PAUSE, &off), {0});
  uffdio_zeropage zero = {};
  zero.range = range.range;
  ioctl(faults.get(), UFFDIO_ZEROPAGE, &zero);
}

int run() {
  Tally tally;
  test_holding(tally);
  test_queues(tally);
  test_claim(tally);
  Fd device = open_device();
  Filter filter(0x7777);
  const uint64_t id = filter.id(device);
  tally.expect("a filter is taken over", id != 0);
  test_permissions(tally, device, id);
  test_mappings(tally, device);
  test_page_that_never_comes(tally, device, id);
  test_events(tally, device);
  return tally.status();
}

}  // namespace
}  // namespace ipjit::door

int main() { return ipjit::door::run(); }
