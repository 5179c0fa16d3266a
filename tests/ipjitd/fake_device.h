// SPDX-License-Identifier: BSD-2-Clause
// The kernel module without a kernel: filters come and go at the test's word, packets run.
//
// It does what the module promises in uapi/ipjit.h: versions, ESTALE, the module's limits, the
// verifier's C core before anything runs, guard counters that retreat, an event queue that
// overflows, rings that lap.  The "kernel's own code" is the plain interpreter.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/code_memory.h"
#include "runtime/kernel/device.h"

namespace ipjit::kernel {

class FakeDevice final : public Device {
 public:
  static constexpr uint32_t kCpus = 2;
  static constexpr uint32_t kRecords = 256;
  static constexpr size_t kQueue = 1024;  ///< events that wait

  using Fields = std::array<uint32_t, IPJIT_FIELD_COUNT>;

  FakeDevice();
  ~FakeDevice() override;

  // What happens on the machine.
  uint64_t attach(bpf::InsnList insns, uint32_t uid = 0, uint32_t flags = 0);
  void close_socket(uint64_t id);
  /// Gives: the verdict that counts.
  uint32_t packet(uint64_t id, std::span<const uint8_t> data, const Fields& fields = {},
                  uint32_t cpu = 0);
  void take_code_away(uint64_t id);  ///< under pressure
  void prove_wrong(uint64_t id);     ///< a packet got another verdict than the kernel's code gave
  void lose_events() { events_.clear(), ++lost_; }
  void set_packets(uint64_t id, uint64_t packets) { slots_.at(id).about.packets = packets; }
  ipjit_dev_filter& about(uint64_t id) { return slots_.at(id).about; }

  // What goes wrong.
  std::function<std::optional<Error>(const Offer&)> before_install;  ///< an error, or go on
  uint64_t installs = 0, refusals = 0;
  bool claimed = false;  ///< by somebody else
  uint32_t sample_shift = 0;
  ipjit_dev_mode mode = IPJIT_DEV_ON;

  Result<ipjit_dev_info> info() override;
  Result<std::vector<ipjit_dev_filter>> list() override;
  Result<ipjit_dev_filter> filter(uint64_t id) override;
  Result<bpf::InsnList> program(uint64_t id) override;
  Result<uint64_t> install(const Offer& offer) override;
  Status retreat(uint64_t id, uint64_t version) override;
  Result<ipjit_dev_counters> counters(uint64_t id, uint64_t version) override;
  Result<ipjit_dev_use> use(Whose whose, uint64_t key) override;
  Result<std::vector<ipjit_dev_event>> events() override;
  int event_fd() const override { return event_fd_; }
  Result<std::span<const uint8_t>> sample_area() override;
  Status claim() override;
  Status set_mode(ipjit_dev_mode to) override;
  Status set_shadow(bool) override { return ok(); }
  Status pause(bool) override { return ok(); }
  Status evict(uint64_t id) override;
  Status set_budget(const ipjit_dev_budget&) override { return ok(); }
  Status sweep() override { return ok(); }

 private:
  /// Code and its tables; what a version counts.
  struct Version {
    uint64_t id = 0;
    uint32_t tier = 0, guard = 0;
    ipjit_contract contract = {};
    std::optional<runtime::InstalledCode> code;
    std::vector<uint64_t> tables;  ///< aligned to 64 from `first`
    std::array<const void*, IPJIT_MAX_CTX_TABLES> pointers = {};
    std::array<uint64_t, IPJIT_MAX_COUNTERS> counters = {};
    uint64_t packets = 0, window_packets = 0, window_left = 0;
  };
  struct Slot {
    ipjit_dev_filter about = {};
    bpf::InsnList insns;
    std::shared_ptr<Version> general, current;
  };

  Result<Slot*> slot(uint64_t id);
  void say(uint32_t type, uint64_t id, uint64_t version);
  Status within_limits(const Offer& offer) const;
  static Result<std::shared_ptr<Version>> seal(const Offer& offer);
  void show(Slot& slot);
  void guard(Slot& slot);
  void sample(const Slot& slot, std::span<const uint8_t> data, const Fields& fields,
              uint32_t verdict, uint32_t cpu);

  std::map<uint64_t, Slot> slots_;
  uint64_t last_id_ = 0, last_version_ = 0;
  std::deque<ipjit_dev_event> events_;
  uint32_t lost_ = 0;
  int event_fd_;
  std::vector<uint64_t> area_;
  uint64_t sampled_ = 0, time_ns_ = 0;
};

}  // namespace ipjit::kernel
