// SPDX-License-Identifier: BSD-2-Clause
// Text to IR; the grammar is in text.h.
//
// Recursive descent over one token of look-ahead.  The first error is kept and everything after it
// is skipped: each step asks `failed()` only where it would loop.  Names are numbers here (`v7`),
// so a value is known before its definition is seen; whether it has one is validate()'s question.
//
// Tested by tests/ir/text_test.cpp and by every case in tests/ir/.
#include <charconv>
#include <optional>
#include <unordered_map>

#include "ir/lexer.h"
#include "ir/text.h"

namespace ipjit::ir {
namespace {

constexpr size_t kMaxText = size_t{16} << 20;

template <class Enum>
std::optional<Enum> enum_named(std::string_view word, int count) {
  for (int i = 0; i < count; ++i)
    if (word == word_of(static_cast<Enum>(i))) return static_cast<Enum>(i);
  return std::nullopt;
}

constexpr int kOps = 0
#define IPJIT_OP(name, word, result, operands, meaning) +1
#include "ir/ops.def"
#undef IPJIT_OP
    ;
constexpr int kRels = 0
#define IPJIT_REL(name, word, meaning) +1
#include "ir/ops.def"
#undef IPJIT_REL
    ;
constexpr int kTerms = 0
#define IPJIT_TERM(name, word, meaning) +1
#include "ir/ops.def"
#undef IPJIT_TERM
    ;

enum class ResultType : uint8_t { kNone, kU32, kU64, kSame };

ResultType result_of(Op op) {
  switch (op) {
#define IPJIT_OP(name, word, result, operands, meaning) \
  case Op::name:                                        \
    return ResultType::result;
#include "ir/ops.def"
#undef IPJIT_OP
  }
  return ResultType::kNone;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) { advance(); }

  Result<Program> run() {
    skip_lines();
    if (!token_.is("filter")) fail("`filter`");
    p_.name = std::string(lexer_.rest_of_line());
    advance();
    while (!failed() && declaration()) skip_lines();
    while (!failed() && token_.kind != TokenKind::kEnd) block();
    if (!failed() && p_.blocks.empty()) fail("a block");
    if (failed()) return *error_;
    return std::move(p_);
  }

 private:
  // --- tokens
  void advance() { token_ = lexer_.next(); }
  bool failed() const { return error_.has_value(); }

  void fail(std::string_view wanted) {
    say(std::string(wanted) + " is wanted, not `" + std::string(token_.text.substr(0, 40)) + "`");
  }

  void say(std::string why) {
    if (!failed()) error_ = Error{Stage::kIr, Code::kSyntax, token_.line, std::move(why)};
    token_ = Token{TokenKind::kEnd, "end of text", 0, kNoSource, token_.line};
  }

  void skip_lines() {
    while (token_.kind == TokenKind::kEndOfLine) advance();
  }

  bool accept(std::string_view mark) {
    if (!token_.is(mark)) return false;
    advance();
    return true;
  }

  void expect(std::string_view mark) {
    if (!accept(mark)) fail("`" + std::string(mark) + "`");
  }

  uint64_t number(uint64_t max = UINT64_MAX) {
    const uint64_t n = token_.number;
    if (token_.kind != TokenKind::kNumber || n > max) {
      fail(max == UINT64_MAX ? "a number" : "a number of 32 bits");
      return 0;
    }
    advance();
    return n;
  }

  uint32_t number32() { return static_cast<uint32_t>(number(UINT32_MAX)); }

  /// The number of a word like `b12`; nothing is taken if it is another word.
  std::optional<uint32_t> peek_numbered(std::string_view prefix) const {
    if (token_.kind != TokenKind::kWord || !token_.text.starts_with(prefix)) return std::nullopt;
    const char* const begin = token_.text.data() + prefix.size();
    const char* const end = token_.text.data() + token_.text.size();
    uint32_t n = 0;
    const auto [stop, error] = std::from_chars(begin, end, n);
    if (error != std::errc() || stop != end || begin == end) return std::nullopt;
    return n;
  }

  uint32_t numbered(std::string_view prefix) {
    const std::optional<uint32_t> n = peek_numbered(prefix);
    if (n) {
      advance();
    } else {
      fail("`" + std::string(prefix) + "N`");
    }
    return n.value_or(0);
  }

  BlockId block_id() { return BlockId{numbered("b")}; }

  /// The source of the line that ends here.
  uint32_t end_of_line() {
    const uint32_t source = token_.source;
    if (token_.kind != TokenKind::kEndOfLine && token_.kind != TokenKind::kEnd) fail("end of line");
    skip_lines();
    return source;
  }

  // --- values
  ValueId value() {
    const uint32_t name = numbered("v");
    const auto [it, fresh] = names_.try_emplace(name, ValueId{0});
    if (fresh && !failed()) {
      it->second = p_.add_value(Type::kNone);
      defined_.push_back(false);
    }
    return it->second;
  }

  void define(ValueId id, Type type) {
    if (failed()) return;
    if (defined_[index(id)]) return say("a value is defined twice");
    defined_[index(id)] = true;
    p_.values[index(id)] = type;
  }

  void value_or_number(ValueId& id, uint64_t& imm) {
    if (token_.kind == TokenKind::kWord) {
      id = value();
    } else {
      imm = number();
    }
  }

  // --- declarations
  bool declaration() {
    skip_lines();
    if (accept("exits")) {
      p_.exits = number32();
    } else if (accept("resumes")) {
      p_.resumes = number32();
    } else if (accept("counters")) {
      p_.counters = number32();
    } else if (peek_numbered("table") == p_.tables.size()) {
      advance();
      table();
    } else {
      return false;
    }
    end_of_line();
    return true;
  }

  void table() {
    Table t;
    expect(":");
    t.key_bits = numbered("u");
    expect("miss");
    t.miss = number32();
    expect("{");
    while (!failed() && !token_.is("}")) {
      Table::Entry entry{number(), 1};
      if (accept("=")) entry.value = number32();
      t.entries.push_back(entry);
      if (!accept(",")) break;
    }
    expect("}");
    p_.tables.push_back(std::move(t));
  }

  // --- blocks
  void block() {
    if (peek_numbered("b") != p_.blocks.size())
      return fail("`b" + std::to_string(p_.blocks.size()) + ":`");
    advance();
    Block b;
    b.params = static_cast<uint32_t>(p_.params.size());
    if (accept("(")) {
      do {
        const ValueId id = value();
        expect(":");
        define(id, type());
        p_.params.push_back(id);
      } while (!failed() && accept(","));
      expect(")");
    }
    b.param_count = static_cast<uint32_t>(p_.params.size()) - b.params;
    expect(":");
    skip_lines();
    b.first = static_cast<uint32_t>(p_.insns.size());
    while (!failed() && !enum_named<TermKind>(token_.text, kTerms)) instruction();
    b.count = static_cast<uint32_t>(p_.insns.size()) - b.first;
    term(b.term);
    p_.blocks.push_back(b);
  }

  Type type() {
    if (accept("u32")) return Type::kU32;
    if (!accept("u64")) fail("`u32` or `u64`");
    return Type::kU64;
  }

  void instruction() {
    Insn insn;
    if (peek_numbered("v")) {
      insn.result = value();
      expect("=");
    }
    const std::string_view word = token_.text;
    const bool wide = word == "const.u64";
    const std::optional<Op> op = enum_named<Op>(wide ? "const" : word, kOps);
    if (!op || token_.kind != TokenKind::kWord) return fail("an instruction");
    advance();
    insn.op = *op;
    operands(insn);
    if (insn.op == Op::kNeed) {
      expect("else");
      insn.fail = block_id();
    }
    insn.type = type_of(insn, wide);
    if ((result_of(*op) == ResultType::kNone) != (insn.result == kNoValue))
      return say(std::string(word) +
                 (insn.result == kNoValue ? " gives a value" : " gives no value"));
    if (insn.result != kNoValue) define(insn.result, insn.type);
    insn.source = end_of_line();
    p_.insns.push_back(insn);
  }

  Type type_of(const Insn& insn, bool wide) const {
    switch (result_of(insn.op)) {
      case ResultType::kNone:
        break;
      case ResultType::kU32:
        return Type::kU32;
      case ResultType::kU64:
        return Type::kU64;
      case ResultType::kSame:
        if (insn.op == Op::kConst) return wide ? Type::kU64 : Type::kU32;
        return failed() ? Type::kNone : p_.values[index(insn.a)];
    }
    return Type::kNone;
  }

  void operands(Insn& insn) {
    switch (operands_of(insn.op)) {
      case Operands::kNothing:
        break;
      case Operands::kImm:
        insn.imm = number();
        break;
      case Operands::kUnary:
        insn.a = value();
        break;
      case Operands::kBinary:
        insn.a = value();
        expect(",");
        value_or_number(insn.b, insn.imm);
        break;
      case Operands::kPlace:
        if (accept("th")) insn.base = Base::kTransport;
        value_or_number(insn.a, insn.imm);
        if (insn.a != kNoValue && accept("+")) insn.imm = number();
        break;
      case Operands::kTable:
        insn.table = numbered("table");
        expect(",");
        insn.a = value();
        break;
      case Operands::kField: {
        const auto field = enum_named<ipjit_field>(token_.text, IPJIT_FIELD_COUNT);
        if (!field) return fail("a field of the context");
        insn.imm = *field;
        advance();
        break;
      }
    }
  }

  // --- endings
  void term(Term& t) {
    if (failed()) return;
    t.kind = *enum_named<TermKind>(token_.text, kTerms);
    advance();
    switch (t.kind) {
      case TermKind::kJump:
        t.taken = edge();
        break;
      case TermKind::kBranch:
        branch(t);
        break;
      case TermKind::kSwitch:
        switch_cases(t);
        break;
      case TermKind::kRet:
      case TermKind::kPull:
        value_or_number(t.a, t.imm);
        break;
      case TermKind::kExit:
      case TermKind::kResume:
        t.imm = number();
        break;
    }
    t.source = end_of_line();
  }

  void branch(Term& t) {
    t.a = value();
    const std::optional<Rel> rel = enum_named<Rel>(token_.text, kRels);
    if (!rel) return fail("a relation");
    advance();
    t.rel = *rel;
    if (t.rel == Rel::kIn) {
      t.table = numbered("table");
    } else {
      value_or_number(t.b, t.imm);
    }
    expect("->");
    t.taken = edge();
    expect(",");
    t.other = edge();
  }

  void switch_cases(Term& t) {
    t.a = value();
    expect("{");
    t.cases = static_cast<uint32_t>(p_.cases.size());
    while (!failed() && !token_.is("}")) {
      Case c;
      c.value = number();
      expect("->");
      c.edge = edge();
      p_.cases.push_back(c);
      if (!accept(",")) break;
    }
    t.case_count = static_cast<uint32_t>(p_.cases.size()) - t.cases;
    expect("}");
    expect("else");
    t.other = edge();
  }

  Edge edge() {
    Edge e;
    e.to = block_id();
    if (!token_.is("(")) return e;
    advance();
    e.args = static_cast<uint32_t>(p_.edge_args.size());
    do {
      p_.edge_args.push_back(value());
    } while (!failed() && accept(","));
    e.arg_count = static_cast<uint32_t>(p_.edge_args.size()) - e.args;
    expect(")");
    return e;
  }

  Lexer lexer_;
  Token token_;
  Program p_;
  std::optional<Error> error_;
  std::unordered_map<uint32_t, ValueId> names_;
  std::vector<bool> defined_;
};

}  // namespace

Result<Program> parse(std::string_view text) {
  if (text.size() > kMaxText)
    return Error{Stage::kIr, Code::kTooLong, 1,
                 std::to_string(text.size()) + " bytes of text are too many"};
  return Parser(text).run();
}

}  // namespace ipjit::ir
