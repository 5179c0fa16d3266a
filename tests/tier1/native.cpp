// SPDX-License-Identifier: BSD-2-Clause
#include "tests/tier1/native.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <ostream>

#include "ir/interpret.h"
#include "ir/text.h"
#include "ir/validate.h"
#include "verifier/verifier.h"

namespace ipjit::tier1 {

GuardedBytes::GuardedBytes() {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* memory =
      mmap(nullptr, kCapacity + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  IPJIT_CHECK(memory != MAP_FAILED);
  base_ = static_cast<uint8_t*>(memory);
  IPJIT_CHECK(mprotect(base_ + kCapacity, page, PROT_NONE) == 0);
}

GuardedBytes::~GuardedBytes() {
  munmap(base_, kCapacity + static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

std::span<const uint8_t> GuardedBytes::hold(std::span<const uint8_t> bytes) {
  IPJIT_CHECK(bytes.size() <= kCapacity);
  uint8_t* at = base_ + kCapacity - bytes.size();
  std::copy(bytes.begin(), bytes.end(), at);
  return {at, bytes.size()};
}

Native::Native(const ir::Program& program, const arch::Target& target, ir::Compiler& compiler) {
  Result<ir::MachineCode> compiled = compiler.compile(program, target);
  if (!compiled) {
    ADD_FAILURE() << to_string(compiled.error()) << "\n" << ir::print(program);
    return;
  }
  code_ = std::move(*compiled);
  const Result<verifier::Proof> proof =
      verifier::verify(code_.bytes, code_.code_len, code_.contract);
  if (!proof) {
    ADD_FAILURE() << to_string(proof.error()) << "\n" << target.name << "\n" << ir::print(program);
    return;
  }
  move_tables();
  memory_ =
      mmap(nullptr, code_.bytes.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  IPJIT_CHECK(memory_ != MAP_FAILED);
  std::memcpy(memory_, code_.bytes.data(), code_.bytes.size());
  IPJIT_CHECK(mprotect(memory_, code_.bytes.size(), PROT_READ | PROT_EXEC) == 0);
  entry_ = reinterpret_cast<ipjit_entry_fn>(memory_);
}

Native::~Native() {
  if (memory_ != nullptr) munmap(memory_, code_.bytes.size());
}

uint64_t Native::run(std::span<const uint8_t> data, const ipjit_ctx& ctx) const {
  if (tables_.empty()) return entry_(data.data(), data.size(), &ctx);
  ipjit_ctx with_tables = ctx;
  for (uint32_t t = 0; t < code_.contract.nr_tables; ++t)
    with_tables.tables[code_.contract.table[t].at] = tables_[t].data();
  return entry_(data.data(), data.size(), &with_tables);
}

/// Tables of ctx lie anywhere but behind the code: what is left there is overwritten.
void Native::move_tables() {
  size_t at = (code_.code_len + 63) / 64 * 64;
  for (uint32_t t = 0; t < code_.contract.nr_tables; ++t) {
    const ipjit_table_ref& table = code_.contract.table[t];
    if (table.place != IPJIT_TABLE_IN_CTX) return;
    const auto from = code_.bytes.begin() + static_cast<long>(at);
    tables_.emplace_back(from, from + static_cast<long>(table.size));
    std::fill(from, from + static_cast<long>(table.size), uint8_t{0xcc});
    at += (table.size + 63) / 64 * 64;
  }
}

ir::Program program_of(const std::string& text) {
  Result<ir::Program> program = ir::parse(text);
  if (!program) {
    ADD_FAILURE() << to_string(program.error()) << "\n" << text;
    return {};
  }
  if (Status valid = ir::validate(*program); !valid)
    ADD_FAILURE() << to_string(valid.error()) << "\n" << text;
  return *program;
}

std::vector<const arch::Target*> runnable_targets() {
  std::vector<const arch::Target*> out;
  for (const arch::Target& target : arch::targets())
    if (arch::supported(target)) out.push_back(&target);
  static const arch::Target kernel = arch::kernel_target(arch::detect().isa);
  out.push_back(&kernel);
  return out;
}

namespace {

template <class Run>
Outcome outcome_of(const ir::Program& program, ipjit_ctx ctx, Run run) {
  Outcome out;
  ipjit_actions actions = {};
  out.counters.resize(program.counters);
  ctx.actions = &actions;
  ctx.counters = out.counters.data();
  out.result = run(ctx);
  IPJIT_CHECK(actions.count <= IPJIT_MAX_ACTIONS);
  out.actions.assign(actions.id, actions.id + actions.count);
  return out;
}

}  // namespace

Outcome outcome_of_interpreter(const ir::Program& program, std::span<const uint8_t> data,
                               ipjit_ctx ctx) {
  return outcome_of(program, ctx,
                    [&](const ipjit_ctx& c) { return ir::interpret(program, data, c); });
}

Outcome outcome_of_native(const Native& native, const ir::Program& program,
                          std::span<const uint8_t> data, ipjit_ctx ctx) {
  return outcome_of(program, ctx, [&](const ipjit_ctx& c) { return native.run(data, c); });
}

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "status " << ipjit_result_status(outcome.result) << " value "
       << ipjit_result_value(outcome.result) << " actions";
  for (uint16_t id : outcome.actions) *out << ' ' << id;
  *out << " counters";
  for (uint64_t counter : outcome.counters) *out << ' ' << counter;
}

void expect_agreement(const ir::Program& program, std::span<const std::vector<uint8_t>> packets,
                      const ipjit_ctx& ctx, int th_at) {
  GuardedBytes guarded;
  for (const arch::Target* target : targets_under_test()) {
    const Native native(program, *target);
    if (!native.ok()) return;
    for (const std::vector<uint8_t>& packet : packets) {
      for (size_t size = 0; size <= packet.size(); ++size) {
        const std::span<const uint8_t> data = guarded.hold(std::span(packet).first(size));
        ipjit_ctx own = ctx;
        const size_t th = th_at < 0 ? size : std::min<size_t>(th_at, size);
        own.th = data.data() + th;
        own.th_len = size - th;
        ASSERT_EQ(outcome_of_native(native, program, data, own),
                  outcome_of_interpreter(program, data, own))
            << target->name << ", " << size << " bytes\n"
            << ir::print(program);
      }
    }
  }
}

}  // namespace ipjit::tier1
