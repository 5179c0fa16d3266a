// SPDX-License-Identifier: BSD-2-Clause
// What a client of /dev/ipjit needs that does not behave: raw calls, filters of its own, small code
// by the byte, a tally of what was expected.
//
// runtime/kernel/ is the well-behaved client; it cannot say most of what is said here.
#pragma once

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "kernel-glue/uapi/ipjit.h"
#include "verifier/verify.h"

namespace ipjit::door {

inline uint64_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

/// An errno by name, for messages.
inline std::string word(int error) { return error ? strerrorname_np(error) : "success"; }

/// Counts what was expected; prints a line for each, as the test scripts do.
class Tally {
 public:
  void expect(const std::string& what, bool good, const std::string& instead = "") {
    std::printf("%s %s%s%s\n", good ? "ok" : "not ok", what.c_str(), good ? "" : ": ",
                good ? "" : instead.c_str());
    std::fflush(stdout);
    failed_ += !good;
  }
  void equal(const std::string& what, uint64_t got, uint64_t wanted) {
    expect(what, got == wanted, std::to_string(got) + " is not " + std::to_string(wanted));
  }
  /// `got` is 0 or an errno.
  void gives(const std::string& what, int got, std::initializer_list<int> wanted) {
    bool good = false;
    std::string words;
    for (int error : wanted) {
      good |= got == error;
      words += (words.empty() ? "" : " or ") + word(error);
    }
    expect(what, good, word(got) + " is not " + words);
  }
  int status() const { return failed_ ? 1 : 0; }

 private:
  int failed_ = 0;
};

/// A file descriptor that is closed once.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

inline Fd open_device(int flags = O_RDWR) {
  return Fd(open(IPJIT_DEV_PATH, flags | O_CLOEXEC | O_NONBLOCK));
}

/// 0 or errno.
template <class T>
int call(const Fd& device, unsigned long verb, T* argument) {
  return ioctl(device.get(), verb, argument) == 0 ? 0 : errno;
}

inline ipjit_dev_info info(const Fd& device) {
  ipjit_dev_info info = {};
  if (call(device, IPJIT_IOC_INFO, &info)) info.version = 0;
  return info;
}

/// Waits for the reaper; then nothing may be left of what a test did.
inline void nothing_stays(const Fd& device, Tally& tally) {
  const auto rest = [&] {
    const ipjit_dev_info now = info(device);
    return now.filters || now.table_used || now.code_used;
  };
  for (int i = 0; i < 3000 && rest(); ++i) usleep(20'000);
  tally.equal("filters that stay behind", info(device).filters, 0);
  tally.equal("bytes of tables that stay behind", info(device).table_used, 0);
  tally.equal("bytes of code that stay behind", info(device).code_used, 0);
}

/// A socket with a filter that nobody else has: its program holds a number of its own.
class Filter {
 public:
  explicit Filter(uint32_t k, uint32_t returns = 0xffff)
      : Filter({{BPF_LD | BPF_IMM, 0, 0, k}, {BPF_RET | BPF_K, 0, 0, returns}}) {}
  explicit Filter(std::vector<sock_filter> insns, int family = AF_PACKET, int type = SOCK_RAW)
      : socket_(socket(family, type | SOCK_CLOEXEC, family == AF_PACKET ? htons(ETH_P_ALL) : 0)),
        insns_(std::move(insns)) {
    const sock_fprog program = {.len = static_cast<uint16_t>(insns_.size()),
                                .filter = insns_.data()};
    if (setsockopt(socket_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
      std::perror("SO_ATTACH_FILTER");
  }

  /// Its id in the module, once it is taken over; 0 if that takes more than `seconds`.
  uint64_t id(const Fd& device, unsigned seconds = 60) const {
    for (unsigned i = 0; i < seconds * 50; ++i, usleep(20'000))
      if (uint64_t found = find(device)) return found;
    return 0;
  }

  int fd() const { return socket_.get(); }

 private:
  uint64_t find(const Fd& device) const {
    std::vector<ipjit_dev_filter> some(64);
    ipjit_dev_list list = {};
    list.filters = address(some.data());
    list.capacity = static_cast<uint32_t>(some.size());
    while (call(device, IPJIT_IOC_LIST, &list) == 0 && list.count) {
      for (uint32_t i = 0; i < list.count; ++i)
        if (is_ours(device, some[i].id)) return some[i].id;
      list.after = some[list.count - 1].id;
    }
    return 0;
  }
  bool is_ours(const Fd& device, uint64_t id) const {
    std::vector<sock_filter> read(insns_.size());
    ipjit_dev_program program = {.id = id,
                                 .insns = address(read.data()),
                                 .capacity = static_cast<uint32_t>(read.size()),
                                 .count = 0};
    return call(device, IPJIT_IOC_PROGRAM, &program) == 0 && program.count == read.size() &&
           std::memcmp(read.data(), insns_.data(), read.size() * sizeof read[0]) == 0;
  }

  Fd socket_;
  std::vector<sock_filter> insns_;
};

using Bytes = std::vector<uint8_t>;

inline const Bytes kRet = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// mov eax, k; ret
inline Bytes returns(uint32_t k) {
  Bytes code = {0xb8, 0, 0, 0, 0};
  std::memcpy(&code[1], &k, sizeof k);
  return code + kRet;
}

/// The two bytes at 12, if there are so many: eax = word [rdi + 12] (rdi + `at` in a lie)
inline Bytes reads_ethertype(uint8_t at = 12) {
  return Bytes{0x48, 0x83, 0xfe, 0x0e,  // cmp rsi, 14
               0x72, 0x09,              // jb  + 9
               0x0f, 0xb7, 0x47, at} +  // movzx eax, word [rdi + at]
         kRet +
         Bytes{0x31, 0xc0} + kRet;  // xor eax, eax
}

/// What a kernel contract says where the program asks for nothing.
inline ipjit_contract plain_contract() {
  ipjit_contract contract = {};
  contract.abi = IPJIT_ABI_VERSION;
  contract.bases = IPJIT_BASE_DATA;
  contract.max_len = UINT32_MAX;
  return contract;
}

/// One INSTALL and what it points to; every field may be made a lie before it is sent.
struct Unit {
  explicit Unit(uint64_t id, Bytes bytes, uint64_t expected = 0) : code(std::move(bytes)) {
    ask.id = id;
    ask.expected = expected;
    ask.tier = 1;
  }

  /// Points the struct at this object, but for what was set by hand.
  ipjit_dev_install& ready() {
    if (!ask.contract) ask.contract = address(&contract);
    if (!ask.code) ask.code = address(code.data());
    if (!ask.code_len) ask.code_len = static_cast<uint32_t>(code.size());
    if (!ask.tables && !tables.empty()) ask.tables = address(tables.data());
    if (!ask.tables_len) ask.tables_len = static_cast<uint32_t>(tables.size());
    if (!ask.report) ask.report = address(&report);
    return ask;
  }
  int send(const Fd& device) { return call(device, IPJIT_IOC_INSTALL, &ready()); }

  ipjit_dev_install ask = {};
  ipjit_contract contract = plain_contract();
  ipjit_report report = {};
  Bytes code;
  Bytes tables;
};

/// The version that runs; 0: the kernel's own code.
inline uint64_t version_of(const Fd& device, uint64_t id) {
  ipjit_dev_filter filter = {};
  filter.id = id;
  return call(device, IPJIT_IOC_FILTER, &filter) ? 0 : filter.version;
}

/// A generator of its own, so that a seed means the same everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e37'79b9'7f4a'7c15 + 1) {}
  uint64_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }
  uint64_t below(uint64_t n) { return (*this)() % n; }

 private:
  uint64_t state_;
};

}  // namespace ipjit::door
