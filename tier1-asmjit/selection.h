// SPDX-License-Identifier: BSD-2-Clause
// Which instructions get code of their own, and in which byte order their values are kept.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/program.h"

namespace ipjit::tier1 {

class Selection {
 public:
  /// Studies a valid program; buffers are reused.
  void run(const ir::Program& program);

  /// The value, where it is a constant: it gets no register and no code.
  std::optional<uint64_t> constant(ir::ValueId v) const;

  /// The instruction that makes the value; null for block parameters.
  const ir::Insn* def(ir::ValueId v) const;

  /// Its only user, the end of a block, emits it: `cmp byte [rdi+23], 6`.
  bool folded(ir::ValueId v) const { return info_[index(v)].folded; }

  /// Loaded from big endian and kept so: whoever compares it swaps the constant instead.
  bool raw(ir::ValueId v) const { return info_[index(v)].raw; }

  /// The table's keys are kept in big endian, because all who ask do so with raw values.
  bool raw_table(uint32_t table) const { return raw_tables_[table]; }

  /// Some need or load counts its place from the value.
  bool is_offset(ir::ValueId v) const { return info_[index(v)].offset; }

  /// Can be read again from packet or context at each use, by an instruction or two that write no
  /// flags and no register but the value's.
  bool readable_again(ir::ValueId v) const;

  bool used(ir::ValueId v) const { return info_[index(v)].uses != 0; }

  /// No value exceeds this; by the shape of its definition alone.
  uint64_t upper_bound(ir::ValueId v) const;

  /// Registers that the program needs as a whole.
  bool needs_ctx() const { return needs_ctx_; }
  bool needs_transport() const { return needs_transport_; }
  bool needs_divider() const { return needs_divider_; }

 private:
  struct Info {
    uint32_t def = kNoDef;  ///< Program::insns index
    uint32_t block = 0;
    uint32_t uses = 0;
    uint32_t as_number = 0;  ///< users that need host byte order
    bool folded = false;
    bool raw = false;
    bool offset = false;
    bool argument = false;  ///< of an edge
  };
  static constexpr uint32_t kNoDef = 0xffffffff;

  void visit_insn(const ir::Insn& insn, uint32_t at, uint32_t block);
  void visit_term(const ir::Term& term);
  void use(ir::ValueId v);
  void use_as_number(ir::ValueId v);
  void fold_into(const ir::Term& term, uint32_t block);
  bool fold_load(ir::ValueId v, uint32_t block);
  bool can_be_raw(ir::ValueId v) const;
  bool swaps_constants(const ir::Term& term) const;
  void keep_raw();
  void settle_tables();

  const ir::Program* program_ = nullptr;
  std::vector<Info> info_;
  std::vector<bool> raw_tables_;
  std::vector<std::pair<uint32_t, ir::ValueId>> probes_;  ///< table, key
  bool needs_ctx_ = false;
  bool needs_transport_ = false;
  bool needs_divider_ = false;
};

}  // namespace ipjit::tier1
