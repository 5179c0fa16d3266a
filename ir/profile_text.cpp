// SPDX-License-Identifier: BSD-2-Clause
// A profile as text; the form is in profile_text.h.
//
// The reader is strict: what it accepts prints the same again, and holds together (a table's counts
// and what it discarded add up to its total), so that nobody behind it has to doubt a profile.
// Counts end at 2^40, so that no sum of them wraps and each is exact as a double.
//
// Tested by tests/ir/profile_text_test.cpp, tests/fuzz/profile_fuzz.cpp.
#include "ir/profile_text.h"

#include <charconv>
#include <optional>

#include "ir/lexer.h"

namespace ipjit::ir {
namespace {

constexpr uint64_t kMaxCount = uint64_t{1} << 40;
constexpr uint64_t kVersion = 1;

std::string hex(uint64_t n) {
  char text[16];
  return "0x" + std::string(text, std::to_chars(text, text + sizeof text, n, 16).ptr);
}

// Small numbers are ports and protocols, large ones types and addresses.
std::string value_text(uint64_t n) { return n < 1024 ? std::to_string(n) : hex(n); }

class Printer {
 public:
  explicit Printer(const Profile& profile) : profile_(profile) {}

  std::string run() {
    out_ = "profile " + std::to_string(kVersion) + " of " + hex(profile_.program) + "\n";
    counts("packets", profile_.packets, "discarded", profile_.discarded);
    counts(" matched", profile_.matched);
    out_ += "\n";
    if (profile_.results != ValueTable{}) table("results", profile_.results);
    if (!profile_.lengths.empty()) {
      out_ += "lengths";
      pairs(profile_.lengths);
    }
    for (const auto& [source, branch] : profile_.branches) {
      counts("branch " + std::to_string(source) + " taken", branch.taken, "other", branch.other);
      counts(" mispredicted", branch.mispredicted);
      out_ += "\n";
    }
    for (const auto& [source, one] : profile_.switches) {
      counts("switch " + std::to_string(source) + " other", one.other, "mispredicted",
             one.mispredicted);
      pairs(one.cases);
    }
    for (const auto& [source, need] : profile_.needs) {
      counts("need " + std::to_string(source) + " passed", need.passed, "failed", need.failed);
      counts(" first", need.first);
      out_ += "\n";
    }
    for (const auto& [source, one] : profile_.values) table("value " + std::to_string(source), one);
    for (const auto& [fields, one] : profile_.joint) joint(fields, one);
    return std::move(out_);
  }

 private:
  void counts(const std::string& word, uint64_t count) {
    out_ += word + " " + std::to_string(count);
  }

  void counts(const std::string& first, uint64_t a, const std::string& second, uint64_t b) {
    counts(first, a);
    counts(" " + second, b);
  }

  void pairs(const std::map<uint64_t, uint64_t>& map) {
    const char* before = " {";
    if (map.empty()) out_ += before;
    for (const auto& [value, count] : map) {
      out_ += before + value_text(value) + " = " + std::to_string(count);
      before = ", ";
    }
    out_ += "}\n";
  }

  void table(const std::string& head, const ValueTable& table) {
    counts(head + " total", table.total, "discarded", table.discarded);
    const char* before = " {";
    if (table.top.empty()) out_ += before;
    for (const ValueTable::Entry& entry : table.top) {
      out_ += before + value_text(entry.value) + " = " + std::to_string(entry.count);
      before = ", ";
    }
    out_ += "}\n";
  }

  void joint(const std::vector<uint32_t>& fields, const JointTable& table) {
    out_ += "joint";
    for (uint32_t field : fields) out_ += " " + std::to_string(field);
    counts(" total", table.total, "discarded", table.discarded);
    const char* before = " {";
    if (table.rows.empty()) out_ += before;
    for (const JointTable::Row& row : table.rows) {
      out_ += before;
      for (size_t i = 0; i < row.values.size(); ++i)
        out_ += (row.others >> i & 1 ? "other" : value_text(row.values[i])) + " ";
      out_ += "= " + std::to_string(row.count);
      before = ", ";
    }
    out_ += "}\n";
  }

  const Profile& profile_;
  std::string out_;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) { advance(); }

  Result<Profile> run() {
    skip_lines();
    head();
    while (!failed() && token_.kind != TokenKind::kEnd) line();
    if (failed()) return *error_;
    return std::move(p_);
  }

 private:
  // --- tokens
  void advance() { token_ = lexer_.next(); }
  bool failed() const { return error_.has_value(); }

  void skip_lines() {
    while (token_.kind == TokenKind::kEndOfLine) advance();
  }

  void say(uint32_t line, std::string why) {
    if (!failed()) error_ = Error{Stage::kIr, Code::kSyntax, line, std::move(why)};
    token_ = Token{TokenKind::kEnd, "end of text", 0, kNoSource, token_.line};
  }

  void fail(const std::string& wanted) {
    say(token_.line, wanted + " is wanted, not `" + std::string(token_.text.substr(0, 40)) + "`");
  }

  bool accept(std::string_view what) {
    if (!token_.is(what)) return false;
    advance();
    return true;
  }

  void expect(std::string_view what) {
    if (!accept(what)) fail("`" + std::string(what) + "`");
  }

  uint64_t number(uint64_t max, const char* wanted) {
    const uint64_t n = token_.number;
    if (token_.kind != TokenKind::kNumber || n > max) {
      fail(wanted);
      return 0;
    }
    advance();
    return n;
  }

  uint64_t value() { return number(UINT64_MAX, "a value"); }
  uint64_t count() { return number(kMaxCount, "a count of at most 2^40"); }

  uint64_t count(std::string_view word) {
    expect(word);
    return count();
  }

  uint32_t source() { return static_cast<uint32_t>(number(kNoSource - 1, "a source instruction")); }

  void end_of_line() {
    if (token_.kind != TokenKind::kEndOfLine && token_.kind != TokenKind::kEnd) fail("end of line");
    skip_lines();
  }

  // --- lines
  void head() {
    expect("profile");
    const uint64_t version = number(UINT64_MAX, "a version");
    if (version != kVersion)
      say(token_.line,
          "version " + std::to_string(version) + " is not known, only " + std::to_string(kVersion));
    expect("of");
    p_.program = value();
    end_of_line();
    line_ = token_.line;
    p_.packets = count("packets");
    p_.discarded = count("discarded");
    p_.matched = count("matched");
    at_most(p_.matched, "matched", p_.packets, "packets");
    end_of_line();
  }

  void line() {
    line_ = token_.line;
    if (accept("results")) {
      in_order(0, {});
      p_.results = table();
    } else if (accept("lengths")) {
      in_order(1, {});
      lengths();
    } else if (accept("branch")) {
      branch(p_.branches[place(2)]);
    } else if (accept("switch")) {
      switch_line(p_.switches[place(3)]);
    } else if (accept("need")) {
      need(p_.needs[place(4)]);
    } else if (accept("value")) {
      const uint32_t at = place(5);
      p_.values[at] = table();
    } else if (accept("joint")) {
      joint();
    } else {
      fail("results, lengths, branch, switch, need, value or joint");
    }
    end_of_line();
  }

  uint32_t place(int kind) {
    const uint32_t at = source();
    in_order(kind, {at});
    return at;
  }

  void in_order(int kind, std::vector<uint32_t> key) {
    std::pair<int, std::vector<uint32_t>> here{kind, std::move(key)};
    if (last_ && *last_ >= here)
      say(line_, *last_ == here ? "a line for this stands above already"
                                : "this line belongs above the one before it");
    last_ = std::move(here);
  }

  void at_most(uint64_t part, const char* name, uint64_t whole, const char* whole_name) {
    if (part > whole)
      say(line_, std::string(name) + " " + std::to_string(part) + " is more than " +
                     std::to_string(whole) + " " + whole_name);
  }

  void branch(BranchCounts& counts) {
    counts.taken = count("taken");
    counts.other = count("other");
    counts.mispredicted = count("mispredicted");
    at_most(counts.mispredicted, "mispredicted", counts.total(), "runs");
  }

  void need(NeedCounts& counts) {
    counts.passed = count("passed");
    counts.failed = count("failed");
    counts.first = count("first");
    at_most(counts.first, "first", counts.failed, "failed");
  }

  /// {value = count, ...} by ascending value.
  std::map<uint64_t, uint64_t> pairs() {
    std::map<uint64_t, uint64_t> map;
    expect("{");
    while (!failed() && !accept("}")) {
      const uint64_t key = value();
      if (!map.empty() && key <= map.rbegin()->first)
        say(token_.line, "value " + value_text(key) + " is not above the one before it");
      map[key] = count("=");
      separator();
    }
    return map;
  }

  void separator() {
    if (!accept(",") && !token_.is("}")) fail("`,` or `}`");
  }

  void lengths() {
    p_.lengths = pairs();
    if (!p_.lengths.empty() && p_.lengths.rbegin()->first > Profile::kLongest)
      say(line_, "length " + std::to_string(p_.lengths.rbegin()->first) + " is above " +
                     std::to_string(Profile::kLongest) + ", which means that and all above");
  }

  void switch_line(SwitchCounts& counts) {
    counts.other = count("other");
    counts.mispredicted = count("mispredicted");
    counts.cases = pairs();
    at_most(counts.mispredicted, "mispredicted", counts.total(), "runs");
  }

  /// A table as read: whole, sorted and adding up.
  template <class Table>
  void check(const Table& table, uint64_t sum) {
    if (failed()) return;
    if (sum != table.total)
      say(line_, "the counts and discarded make " + std::to_string(sum) + ", total is " +
                     std::to_string(table.total));
    Table sorted = table;
    sorted.normalise();
    if (sorted != table)
      say(line_, "the entries are too many or not sorted by descending count, then value");
  }

  ValueTable table() {
    ValueTable table;
    table.total = count("total");
    table.discarded = count("discarded");
    uint64_t sum = table.discarded;
    expect("{");
    while (!failed() && !accept("}")) {
      const uint64_t key = value();
      for (const ValueTable::Entry& entry : table.top)
        if (entry.value == key) say(token_.line, "value " + value_text(key) + " stands twice");
      table.top.push_back({key, count("=")});
      sum += table.top.back().count;
      if (table.top.size() > ValueTable::kEntries) break;
      separator();
    }
    check(table, sum);
    return table;
  }

  void joint() {
    std::vector<uint32_t> fields;
    while (!failed() && !token_.is("total")) fields.push_back(source());
    if (fields.size() < 2 || fields.size() > JointTable::kMaxFields) {
      say(line_, "a group has 2 to " + std::to_string(JointTable::kMaxFields) + " fields, not " +
                     std::to_string(fields.size()));
      return;
    }
    if (p_.joint.size() == Profile::kMaxJoint)
      say(line_, "more than " + std::to_string(Profile::kMaxJoint) + " groups");
    in_order(6, fields);
    JointTable table;
    table.total = count("total");
    table.discarded = count("discarded");
    uint64_t sum = table.discarded;
    expect("{");
    while (!failed() && !accept("}")) {
      table.rows.push_back(row(fields.size()));
      sum += table.rows.back().count;
      for (size_t i = 0; i + 1 < table.rows.size(); ++i)
        if (same_fields(table.rows[i], table.rows.back())) say(token_.line, "a row stands twice");
      if (table.rows.size() > JointTable::kRows) break;
      separator();
    }
    check(table, sum);
    p_.joint.emplace(std::move(fields), std::move(table));
  }

  static bool same_fields(const JointTable::Row& a, const JointTable::Row& b) {
    return a.values == b.values && a.others == b.others;
  }

  JointTable::Row row(size_t fields) {
    JointTable::Row row;
    for (size_t i = 0; i < fields && !failed(); ++i) {
      if (accept("other")) {
        row.others |= uint32_t{1} << i;
        row.values.push_back(0);
      } else {
        row.values.push_back(value());
      }
    }
    row.count = count("=");
    return row;
  }

  Lexer lexer_;
  Token token_;
  uint32_t line_ = 1;  // of the line that is being read
  std::optional<std::pair<int, std::vector<uint32_t>>> last_;
  Profile p_;
  std::optional<Error> error_;
};

}  // namespace

std::string print(const Profile& profile) { return Printer(profile).run(); }

Result<Profile> parse_profile(std::string_view text) {
  if (text.size() > kMaxProfileText)
    return Error{Stage::kIr, Code::kTooLong, 0,
                 std::to_string(text.size()) + " bytes of text, at most " +
                     std::to_string(kMaxProfileText) + " are read"};
  return Parser(text).run();
}

}  // namespace ipjit::ir
