// SPDX-License-Identifier: BSD-2-Clause
// System calls in, values out.
//
// A refusal's errno becomes a code that callers act on (device.h); the words say what a person can
// do about it.  LIST is asked again from the last id until nothing comes, so that a list longer
// than one answer is whole; filters that come or go meanwhile are in it or not, as with any
// listing.
//
// The claim is held by the open device: the module gives it up when its holder dies in any way,
// nobody else needs to know a path for it, and who may only look cannot have it.
#include "runtime/kernel/device.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "verifier/verifier.h"

namespace ipjit::kernel {

namespace {

constexpr uint32_t kListed = 256;     ///< filters of one LIST
constexpr uint32_t kMaxInsns = 4096;  ///< BPF_MAXINSNS
constexpr size_t kEventsRead = 64;

Code code_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return Code::kDenied;
    case ENOENT:
      return Code::kGone;
    case ESTALE:
      return Code::kStale;
    case EBUSY:
      return Code::kBusy;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
      return Code::kOverBudget;
    case E2BIG:
      return Code::kTooLong;
    case ENODEV:
    case ENXIO:
      return Code::kUnavailable;
    case EINVAL:
      return Code::kBadInput;
    default:
      return Code::kIo;
  }
}

Error error_of(const std::string& what, int error) {
  std::string why = what + ": " + std::strerror(error);
  if (error == EPERM) why += " (this needs CAP_NET_ADMIN)";
  return Error{Stage::kKernel, code_of(error), 0, why};
}

Error cannot_open(const std::string& path, int error) {
  if (error == ENOENT || error == ENODEV || error == ENXIO)
    return Error{Stage::kKernel, Code::kUnavailable, 0,
                 "there is no " + path + ": the module ipjit is not loaded (modprobe ipjit)"};
  if (error == EACCES || error == EPERM)
    return Error{Stage::kKernel, Code::kDenied, 0,
                 "no permission for " + path + ": its users are in the group ipjit"};
  return error_of("cannot open " + path, error);
}

std::string name_of_filter(uint64_t id) { return "filter " + std::to_string(id); }

uint64_t address_of(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

class OpenDevice final : public Device {
 public:
  explicit OpenDevice(int fd) : fd_(fd) {}
  ~OpenDevice() override {
    if (area_ != MAP_FAILED) munmap(area_, area_bytes_);
    close(fd_);
  }

  Result<ipjit_dev_info> info() override {
    ipjit_dev_info info = {};
    if (int error = call(IPJIT_IOC_INFO, &info)) return error_of("INFO", error);
    return info;
  }

  Result<std::vector<ipjit_dev_filter>> list() override {
    std::vector<ipjit_dev_filter> all, some(kListed);
    uint64_t after = 0;
    while (true) {
      ipjit_dev_list list = {};
      list.after = after;
      list.filters = address_of(some.data());
      list.capacity = kListed;
      if (int error = call(IPJIT_IOC_LIST, &list)) return error_of("LIST", error);
      if (list.count == 0 || list.count > kListed) return all;
      all.insert(all.end(), some.begin(), some.begin() + list.count);
      if (all.back().id <= after) return all;
      after = all.back().id;
    }
  }

  Result<ipjit_dev_filter> filter(uint64_t id) override {
    ipjit_dev_filter filter = {};
    filter.id = id;
    if (int error = call(IPJIT_IOC_FILTER, &filter)) return error_of(name_of_filter(id), error);
    return filter;
  }

  Result<bpf::InsnList> program(uint64_t id) override {
    bpf::InsnList insns(kMaxInsns);
    ipjit_dev_program program = {};
    program.id = id;
    program.insns = address_of(insns.data());
    program.capacity = kMaxInsns;
    if (int error = call(IPJIT_IOC_PROGRAM, &program))
      return error_of("the program of " + name_of_filter(id), error);
    insns.resize(std::min(program.count, kMaxInsns));
    return insns;
  }

  Result<uint64_t> install(const Offer& offer) override {
    ipjit_report report = {};
    ipjit_dev_install install = {};
    install.id = offer.filter;
    install.expected = offer.expected;
    install.contract = address_of(&offer.contract);
    install.code = address_of(offer.code.data());
    install.tables = address_of(offer.tables.data());
    install.code_len = static_cast<uint32_t>(offer.code.size());
    install.tables_len = static_cast<uint32_t>(offer.tables.size());
    install.tier = offer.tier;
    install.guard = offer.guard;
    install.report = address_of(&report);
    const int error = call(IPJIT_IOC_INSTALL, &install);
    if (error && report.rule != IPJIT_RULE_none) return verifier::error_of(report);
    if (error && report.state[0])
      return Error{Stage::kKernel, Code::kRefused, report.offset, report.state};
    if (error == EBUSY)
      return Error{Stage::kKernel, Code::kBusy, 0,
                   name_of_filter(offer.filter) + " takes no code: it was evicted"};
    if (error) return error_of("code for " + name_of_filter(offer.filter), error);
    return install.version;
  }

  Status retreat(uint64_t id, uint64_t version) override {
    ipjit_dev_target target = {.id = id, .version = version};
    return status("retreat of " + name_of_filter(id), call(IPJIT_IOC_RETREAT, &target));
  }

  Result<ipjit_dev_counters> counters(uint64_t id, uint64_t version) override {
    ipjit_dev_counters counters = {};
    counters.id = id;
    counters.version = version;
    if (int error = call(IPJIT_IOC_COUNTERS, &counters))
      return error_of("counters of " + name_of_filter(id), error);
    return counters;
  }

  Result<ipjit_dev_use> use(Whose whose, uint64_t key) override {
    ipjit_dev_use use = {};
    use.what = static_cast<uint32_t>(whose);
    use.key = key;
    if (int error = call(IPJIT_IOC_USE, &use)) return error_of("USE", error);
    return use;
  }

  Result<std::vector<ipjit_dev_event>> events() override {
    std::vector<ipjit_dev_event> all;
    std::array<ipjit_dev_event, kEventsRead> some;
    while (true) {
      const ssize_t got = read(fd_, some.data(), sizeof some);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno != EAGAIN) return error_of("reading events", errno);
      if (got <= 0) return all;
      all.insert(all.end(), some.begin(), some.begin() + static_cast<size_t>(got) / sizeof some[0]);
      if (static_cast<size_t>(got) < sizeof some) return all;
    }
  }

  int event_fd() const override { return fd_; }

  Result<std::span<const uint8_t>> sample_area() override {
    if (area_ == MAP_FAILED) {
      Result<ipjit_dev_info> about = info();
      if (!about) return about.error();
      area_bytes_ = about->sample_area;
      area_ = mmap(nullptr, area_bytes_, PROT_READ, MAP_SHARED, fd_, 0);
      if (area_ == MAP_FAILED) return error_of("mapping the samples", errno);
    }
    return std::span(static_cast<const uint8_t*>(area_), area_bytes_);
  }

  Status claim() override {
    const int error = call(IPJIT_IOC_CLAIM, nullptr);
    if (error == EBUSY)
      return Error{Stage::kKernel, Code::kBusy, 0, "another ipjitd serves this machine"};
    return status("the device's claim", error);
  }

  Status set_mode(ipjit_dev_mode mode) override { return set("mode", IPJIT_IOC_MODE, mode); }
  Status set_shadow(bool on) override { return set("shadow", IPJIT_IOC_SHADOW, on); }
  Status pause(bool paused) override { return set("pause", IPJIT_IOC_PAUSE, paused); }
  Status evict(uint64_t id) override {
    ipjit_dev_target target = {.id = id, .version = 0};
    return status("eviction of " + name_of_filter(id), call(IPJIT_IOC_EVICT, &target));
  }
  Status set_budget(const ipjit_dev_budget& budget) override {
    ipjit_dev_budget limits = budget;
    return status("budget", call(IPJIT_IOC_BUDGET, &limits));
  }
  Status sweep() override { return status("sweep", call(IPJIT_IOC_SWEEP, nullptr)); }

 private:
  /// Gives: 0 or errno.
  int call(unsigned long request, void* argument) const {
    while (ioctl(fd_, request, argument) != 0)
      if (errno != EINTR) return errno;
    return 0;
  }
  static Status status(const std::string& what, int error) {
    if (error) return error_of(what, error);
    return ok();
  }
  Status set(const char* what, unsigned long request, uint32_t value) const {
    return status(what, call(request, &value));
  }

  int fd_;
  void* area_ = MAP_FAILED;
  size_t area_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<Device>> open_device(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return cannot_open(path, errno);
  std::unique_ptr<Device> device = std::make_unique<OpenDevice>(fd);
  Result<ipjit_dev_info> info = device->info();
  if (!info && (info.error().code == Code::kBadInput || info.error().code == Code::kIo))
    return Error{Stage::kKernel, Code::kUnavailable, 0, path + " is no device of ipjit's"};
  if (!info) return info.error();
  if (info->version != IPJIT_DEV_VERSION || info->abi != IPJIT_ABI_VERSION)
    return Error{Stage::kKernel, Code::kUnavailable, 0,
                 "the loaded module speaks version " + std::to_string(info->version) + "." +
                     std::to_string(info->abi) + ", this program " +
                     std::to_string(IPJIT_DEV_VERSION) + "." + std::to_string(IPJIT_ABI_VERSION) +
                     ": load the module of this release"};
  return device;
}

const char* word_of(ipjit_dev_mode mode) {
  switch (mode) {
    case IPJIT_DEV_OFF:
      return "off";
    case IPJIT_DEV_OBSERVE:
      return "observe";
    case IPJIT_DEV_ON:
      return "on";
  }
  return "?";
}

std::optional<ipjit_dev_mode> mode_named(std::string_view word) {
  for (ipjit_dev_mode mode : {IPJIT_DEV_OFF, IPJIT_DEV_OBSERVE, IPJIT_DEV_ON})
    if (word == word_of(mode)) return mode;
  return std::nullopt;
}

const char* word_of(ipjit_dev_left left) {
  static constexpr const char* kWords[] = {
#define IPJIT_LEFT(name, meaning) #name,
#include "kernel-glue/uapi/left.def"
#undef IPJIT_LEFT
  };
  return left < IPJIT_DEV_LEFT_COUNT ? kWords[left] : "?";
}

const char* sentence_of(ipjit_dev_left left) {
  static constexpr const char* kSentences[] = {
#define IPJIT_LEFT(name, meaning) meaning,
#include "kernel-glue/uapi/left.def"
#undef IPJIT_LEFT
  };
  return left < IPJIT_DEV_LEFT_COUNT ? kSentences[left] : "?";
}

}  // namespace ipjit::kernel
