// SPDX-License-Identifier: BSD-2-Clause
// Fuzz target: what the daemon reads from the kernel's device.
//
// The first byte says what follows: a sample area, or a filter's program with packets.  Whatever it
// is, the reader stays inside the area, and a program that compiles is specialised for the packets,
// compiled again, and gives the same results in the interpreter and as code.
#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "runtime/kernel/compile.h"
#include "runtime/kernel/samples.h"
#include "runtime/kernel/trial.h"
#include "runtime/tier/replay_check.h"
#include "runtime/tier/study.h"
#include "tier1-asmjit/tier1.h"

namespace {

using namespace ipjit;

constexpr size_t kMaxInsns = 64;
constexpr size_t kAreaBytes = 5 * 4096;
constexpr uint64_t kRuns = 300;

void read_area(std::span<const uint8_t> bytes) {
  std::vector<uint64_t> area(kAreaBytes / sizeof(uint64_t));
  auto* to = reinterpret_cast<uint8_t*>(area.data());
  for (size_t i = 0; !bytes.empty() && i < kAreaBytes; ++i) to[i] = bytes[i % bytes.size()];
  const ipjit_dev_rings sound = {
      .cpus = 2, .records = 4, .record_bytes = sizeof(ipjit_dev_sample), .ring_bytes = 2 * 4096};
  if (!bytes.empty() && bytes[0] & 1) std::memcpy(to, &sound, sizeof sound);
  Result<kernel::SampleReader> reader = kernel::SampleReader::over({to, kAreaBytes});
  if (!reader) return;
  for (int turn = 0; turn < 2; ++turn)
    reader->drain([](const ipjit_dev_sample& sample, uint32_t, uint64_t) {
      IPJIT_CHECK(sample.head_len <= IPJIT_DEV_HEAD && sample.head_len <= sample.len);
    });
}

runtime::Head head_of(std::span<const uint8_t> bytes, uint8_t more) {
  runtime::Head head;
  head.copied = static_cast<uint32_t>(std::min(bytes.size(), runtime::Head::kBytes));
  head.cap_len = head.copied + more;
  head.fields.fill(head.cap_len);
  std::copy_n(bytes.begin(), head.copied, head.bytes.begin());
  return head;
}

void check(const ir::Program& general, const kernel::Unit& unit,
           std::span<const runtime::Head> heads) {
  Result<kernel::Trial> trial = kernel::Trial::seal(unit);
  if (!trial) return;
  const runtime::ReplayReport report =
      runtime::replay_check(general, trial->subject(), heads, {}, kRuns);
  IPJIT_CHECK(!report.disagreement);
}

void serve(std::span<const uint8_t> bytes) {
  if (bytes.size() < 2) return;
  const size_t count =
      std::min<size_t>({bytes[0] % kMaxInsns + 1u, bytes.size() / sizeof(sock_filter)});
  const kernel::Machine machine{.isa = arch::detect().isa,
                                .fields = bytes[1] & 1 ? ~uint64_t{0} : 0,
                                .constant_seed = bytes[1] & 2 ? 0x9e3779b97f4a7c15u : 0};
  bytes = bytes.subspan(2);
  bpf::InsnList insns(count);
  const size_t copied = std::min(count * sizeof(sock_filter), bytes.size());
  if (copied) std::memcpy(insns.data(), bytes.data(), copied);
  bytes = bytes.subspan(copied);
  Result<kernel::Unit> unit = kernel::compile(insns, machine);
  if (!unit) return;
  const ir::Program general = runtime::numbered(unit->program);
  runtime::Study study(&general, {});
  for (int i = 0; i < 16 && !bytes.empty(); ++i) {
    const size_t size = std::min<size_t>(bytes[0] + 1u, bytes.size());
    study.watch(head_of(bytes.first(size), bytes[0] & 3), i % 2 != 0);
    bytes = bytes.subspan(size);
  }
  check(general, *unit, study.recent);
  study.take_profile(0.25);
  const ir::Specialised made = ir::specialise(general, study.fresh);
  tier1::Tier1 tier1;
  Result<kernel::Unit> special = kernel::compile_special(made.program, machine, tier1);
  if (special) check(general, *special, study.recent);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  if (data[0] & 1)
    read_area(rest);
  else
    serve(rest);
  return 0;
}
