// SPDX-License-Identifier: BSD-2-Clause
// IR to text; the grammar is in text.h.
//
// A dump is most wanted of a program that is wrong, so nothing here trusts an id: what does not
// exist prints as `v?`, `b?` or a number, and the text then does not parse.
#include <charconv>

#include "ir/text.h"

namespace ipjit::ir {
namespace {

class Printer {
 public:
  explicit Printer(const Program& program) : p_(program) {}

  std::string run() {
    header();
    for (uint32_t i = 0; i < p_.tables.size(); ++i) table(i);
    for (uint32_t i = 0; i < p_.blocks.size(); ++i) block(i);
    return std::move(out_);
  }

 private:
  void header() {
    out_ += "filter";
    if (!p_.name.empty()) out_ += ' ';
    for (char c : p_.name) out_ += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    out_ += '\n';
    if (p_.exits != 0) out_ += "exits " + std::to_string(p_.exits) + '\n';
    if (p_.resumes != 0) out_ += "resumes " + std::to_string(p_.resumes) + '\n';
    if (p_.counters != 0) out_ += "counters " + std::to_string(p_.counters) + '\n';
  }

  void table(uint32_t i) {
    const Table& t = p_.tables[i];
    out_ += "table" + std::to_string(i) + ": u" + std::to_string(t.key_bits) + " miss ";
    number(t.miss);
    out_ += " {";
    for (size_t e = 0; e < t.entries.size(); ++e) {
      if (e != 0) out_ += e % 8 == 0 ? ",\n    " : ", ";
      number(t.entries[e].key);
      if (t.entries[e].value == 1) continue;
      out_ += " = ";
      number(t.entries[e].value);
    }
    out_ += "}\n";
  }

  void block(uint32_t i) {
    const Block& b = p_.blocks[i];
    size_t start = out_.size();
    out_ += 'b' + std::to_string(i);
    if (b.param_count != 0) out_ += '(';
    for (uint32_t k = 0; k < b.param_count && uint64_t{b.params} + k < p_.params.size(); ++k) {
      const ValueId param = p_.params[b.params + k];
      if (k != 0) out_ += ", ";
      value(param);
      out_ += ": ";
      out_ +=
          index(param) < p_.values.size() && p_.values[index(param)] == Type::kU64 ? "u64" : "u32";
    }
    if (b.param_count != 0) out_ += ')';
    out_ += ": ";
    for (uint32_t k = 0; k < b.count && uint64_t{b.first} + k < p_.insns.size(); ++k) {
      const Insn& insn = p_.insns[b.first + k];
      instruction(insn);
      end_line(start, insn.source);
      start = out_.size();
      out_ += "    ";
    }
    term(b.term);
    end_line(start, b.term.source);
  }

  void end_line(size_t start, uint32_t source) {
    if (source != kNoSource) {
      const size_t width = out_.size() - start;
      out_.append(width < 40 ? 40 - width : 1, ' ');
      out_ += "; src " + std::to_string(source);
    }
    out_ += '\n';
  }

  void instruction(const Insn& insn) {
    if (insn.result != kNoValue) {
      value(insn.result);
      out_ += " = ";
    }
    out_ += word_of(insn.op);
    if (insn.op == Op::kConst && insn.type == Type::kU64) out_ += ".u64";
    switch (operands_of(insn.op)) {
      case Operands::kNothing:
        break;
      case Operands::kImm:
        out_ += ' ';
        number(insn.imm);
        break;
      case Operands::kUnary:
        out_ += ' ';
        value(insn.a);
        break;
      case Operands::kBinary:
        out_ += ' ';
        value(insn.a);
        out_ += ", ";
        value_or_number(insn.b, insn.imm);
        break;
      case Operands::kPlace:
        place(insn);
        break;
      case Operands::kTable:
        out_ += " table" + std::to_string(insn.table) + ", ";
        value(insn.a);
        break;
      case Operands::kField:
        out_ += ' ';
        out_ += insn.imm < IPJIT_FIELD_COUNT ? word_of(static_cast<ipjit_field>(insn.imm)) : "?";
        break;
    }
    if (insn.op == Op::kNeed) {
      out_ += " else ";
      block_name(insn.fail);
    }
  }

  void place(const Insn& insn) {
    out_ += insn.base == Base::kTransport ? " th " : " ";
    if (insn.a != kNoValue) {
      value(insn.a);
      out_ += " + ";
    }
    out_ += std::to_string(insn.imm);
  }

  void term(const Term& t) {
    if (t.kind != TermKind::kJump) out_ += word_of(t.kind);
    switch (t.kind) {
      case TermKind::kJump:
        out_ += "jump ";
        edge(t.taken);
        break;
      case TermKind::kBranch:
        branch(t);
        break;
      case TermKind::kSwitch:
        out_ += ' ';
        value(t.a);
        out_ += " {";
        for (uint32_t k = 0; k < t.case_count && uint64_t{t.cases} + k < p_.cases.size(); ++k) {
          if (k != 0) out_ += ", ";
          number(p_.cases[t.cases + k].value);
          out_ += " -> ";
          edge(p_.cases[t.cases + k].edge);
        }
        out_ += "} else ";
        edge(t.other);
        break;
      case TermKind::kRet:
      case TermKind::kPull:
        out_ += ' ';
        if (t.a != kNoValue) {
          value(t.a);
        } else {
          out_ += std::to_string(t.imm);
        }
        break;
      case TermKind::kExit:
      case TermKind::kResume:
        out_ += ' ' + std::to_string(t.imm);
        break;
    }
  }

  void branch(const Term& t) {
    out_ += ' ';
    value(t.a);
    out_ += ' ';
    out_ += word_of(t.rel);
    out_ += ' ';
    if (t.rel == Rel::kIn) {
      out_ += "table" + std::to_string(t.table);
    } else {
      value_or_number(t.b, t.imm);
    }
    out_ += " -> ";
    edge(t.taken);
    out_ += ", ";
    edge(t.other);
  }

  void edge(const Edge& e) {
    block_name(e.to);
    if (e.arg_count == 0) return;
    out_ += '(';
    for (uint32_t k = 0; k < e.arg_count && uint64_t{e.args} + k < p_.edge_args.size(); ++k) {
      if (k != 0) out_ += ", ";
      value(p_.edge_args[e.args + k]);
    }
    out_ += ')';
  }

  void value_or_number(ValueId id, uint64_t imm) {
    if (id != kNoValue) {
      value(id);
    } else {
      number(imm);
    }
  }

  void value(ValueId id) { out_ += id == kNoValue ? "v?" : 'v' + std::to_string(index(id)); }
  void block_name(BlockId id) { out_ += id == kNoBlock ? "b?" : 'b' + std::to_string(index(id)); }

  /// Small numbers are counts and read best in decimal, large ones are addresses and masks.
  void number(uint64_t n) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, n, n < 256 ? 10 : 16).ptr;
    if (n >= 256) out_ += "0x";
    out_.append(text, end);
  }

  const Program& p_;
  std::string out_;
};

}  // namespace

std::string print(const Program& program) { return Printer(program).run(); }

}  // namespace ipjit::ir
