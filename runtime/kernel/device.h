// SPDX-License-Identifier: BSD-2-Clause
// The kernel module as C++ sees it: /dev/ipjit without policy.
//
// Device is what daemon and command line talk to; open_device() gives the real one, and tests have
// one that behaves as the module does (tests/ipjitd/fake_device.h).  Every call is one
// question and one answer; what to do with it is the caller's business.
//
// Fails, all of them: stage kKernel and
//   kUnavailable  no module is loaded, or of another version; `why` says which, and what to do
//   kDenied       not of the device's group; for control calls: no CAP_NET_ADMIN
//   kGone         there is no such filter any more, or not that version of its code
//   kStale        the filter's version is not the expected one: somebody else was quicker
//   kBusy         the filter cannot take code at this moment, or it is evicted
//   kOverBudget   no room within the memory limits, or in the code cache
//   kTooLong      more than the module takes
//   kIo           anything else, as errno says it
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpf-frontend/insn.h"
#include "ipjit/error.h"
#include "kernel-glue/uapi/ipjit.h"

namespace ipjit::kernel {

/// Code for a filter.
struct Offer {
  uint64_t filter = 0;    ///< ipjit_dev_filter::id
  uint64_t expected = 0;  ///< version that it replaces; another one by now is kStale
  uint32_t tier = 1;      ///< 1 becomes the general version, 2 stands before it
  uint32_t guard = 0;     ///< of 1,024 packets may leave by counters[0]; 0: any number
  ipjit_contract contract = {};
  std::vector<uint8_t> code;
  std::vector<uint8_t> tables;  ///< the contract's, in order, each at a multiple of 64
};

/// Whose use `use()` tells.
enum class Whose : uint32_t { kAll = 0, kUser = 1, kNetns = 2 };

class Device {
 public:
  virtual ~Device() = default;

  virtual Result<ipjit_dev_info> info() = 0;
  virtual Result<std::vector<ipjit_dev_filter>> list() = 0;  ///< ascending ids
  virtual Result<ipjit_dev_filter> filter(uint64_t id) = 0;
  virtual Result<bpf::InsnList> program(uint64_t id) = 0;

  /// Gives: the version that the code has become.
  /// Fails: also with stage kVerifier where the kernel's verifier refused: `at` is the byte offset
  ///        in the code, `why` its words.
  virtual Result<uint64_t> install(const Offer& offer) = 0;
  /// Puts the general code back.  Takes: the version to leave.
  virtual Status retreat(uint64_t id, uint64_t version) = 0;
  virtual Result<ipjit_dev_counters> counters(uint64_t id, uint64_t version) = 0;
  /// Takes: `key`, a uid or the inode number of a network namespace; 0 for kAll.
  virtual Result<ipjit_dev_use> use(Whose whose, uint64_t key) = 0;

  /// What has happened since the last call, oldest first; empty: nothing.  Does not wait.
  virtual Result<std::vector<ipjit_dev_event>> events() = 0;
  /// For poll(2): readable while there are events.
  virtual int event_fd() const = 0;
  /// The rings of samples, mapped for as long as this object lives; samples.h reads them.
  virtual Result<std::span<const uint8_t>> sample_area() = 0;
  /// Makes this process the one that compiles, until the object is gone.
  /// Fails: kBusy: another one is.
  virtual Status claim() = 0;

  // What changes the machine's policy: CAP_NET_ADMIN.
  virtual Status set_mode(ipjit_dev_mode mode) = 0;
  virtual Status set_shadow(bool on) = 0;
  virtual Status pause(bool paused) = 0;  ///< true: returns when no CPU runs our code
  virtual Status evict(uint64_t id) = 0;
  virtual Status set_budget(const ipjit_dev_budget& budget) = 0;
  virtual Status sweep() = 0;  ///< look now for filters that no probe reported
};

/// Opens /dev/ipjit and asks whether it is of our version.
Result<std::unique_ptr<Device>> open_device(const std::string& path = IPJIT_DEV_PATH);

const char* word_of(ipjit_dev_mode mode);  ///< "off", "observe", "on"
std::optional<ipjit_dev_mode> mode_named(std::string_view word);

/// Why filters are left alone, as a word and as a sentence.
const char* word_of(ipjit_dev_left left);
const char* sentence_of(ipjit_dev_left left);

}  // namespace ipjit::kernel
