// SPDX-License-Identifier: BSD-2-Clause
// Long lists from short ones.
//
// libpcap compiles a list with one or two representatives of each group, and its code for a
// representative is repeated for the others.  So the link header, ARP, padding, and what libpcap
// knows of them, stay libpcap's:
//
//   host P1 or host P2             host a or host b or host c or ...
//     ld [26]                        ld [26]
//     jeq #P1, accept, next          jeq #a, accept, next
//     jeq #P2, accept, else   ==>    jeq #b, accept, next
//                                    jeq #c, accept, next
//                                    ...              else
//
// An IPv6 address takes four or eight comparisons with loads between; there is one representative,
// and its whole segment is repeated, each copy in place of the way out of the copy before.  (From
// two representatives libpcap would conclude that what equals the first word of one cannot equal
// the other's; of the real addresses that may be false.)
//
// Hazard: a constant of the expression could be taken for one of libpcap's own (port 2048, IPv4's
// EtherType).  So the short list is compiled twice, with placeholders that have nothing in common;
// the places where the programs differ are the representatives', and they may differ nowhere else.
//
// Hazard: on some link types libpcap does not move the tests of one field together, and then
// truncated packets tell the difference.  So the step is checked for each list: what this makes of
// one more representative must be what libpcap makes of it.
//
// Cost: linear, after three calls of libpcap with at most 60 terms.
// Tested by tests/bpf/host_list_test.cpp against libpcap's own programs.
#include "bpf-frontend/host_list.h"

#include <arpa/inet.h>

#include <algorithm>
#include <map>

#include "bpf-frontend/check.h"
#include "bpf-frontend/far_jumps.h"
#include "bpf-frontend/opcodes.h"
#include "bpf-frontend/same_tests.h"

namespace ipjit::bpf {
namespace {

constexpr size_t kMaxRepresentatives = 40;
constexpr uint32_t kNone = 0xffffffff;

struct Representative {
  uint32_t group = 0;
  uint32_t nth = 0;  ///< 0 or 1: of its group
};

/// What the constant of a template's comparison stands for.
struct Mark {
  uint32_t group = kNone;
  uint32_t nth = 0;
  uint32_t word = 0;

  bool operator==(const Mark&) const = default;
};

struct Template {
  InsnList insns;
  std::vector<Mark> marks;  ///< of each instruction
};

uint32_t representatives_of(const HostGroup& group) {
  size_t wanted = group.shape.term_class == TermClass::kV6 ? 1 : 2;
  return static_cast<uint32_t>(std::min(group.values.size(), wanted));
}

uint32_t mask_of(const HostShape& shape, uint32_t word) {
  if (shape.prefix_bits == 0) return 0xffffffff;
  if (shape.prefix_bits <= 32 * word) return 0;
  uint32_t bits = std::min(shape.prefix_bits - 32 * word, 32u);
  return 0xffffffffu << (32 - bits);
}

// Distinct in their first byte (ports: in their low one), so that masks leave them distinct.
HostValue placeholder(const HostShape& shape, uint32_t index, bool second_set) {
  if (shape.term_class == TermClass::kPort) return {(second_set ? 0x9d01u : 0x4b01u) + index};
  HostValue value = {};
  uint32_t words = shape.term_class == TermClass::kV6 ? 4 : 1;
  for (uint32_t word = 0; word < words; ++word)
    value[word] = (((second_set ? 0x90 : 0x40) + index) << 24 | (word + 1) << 20 | 0x5a3c1) &
                  mask_of(shape, word);
  return value;
}

std::string text_of(const HostShape& shape, const HostValue& value) {
  std::string text = shape.qualifiers + " ";
  if (shape.term_class == TermClass::kPort) return text + std::to_string(value[0]);
  char digits[INET6_ADDRSTRLEN];
  uint32_t wire[4];
  for (size_t word = 0; word < 4; ++word) wire[word] = htonl(value[word]);
  int family = shape.term_class == TermClass::kV6 ? AF_INET6 : AF_INET;
  text += inet_ntop(family, wire, digits, sizeof digits);
  return shape.prefix_bits == 0 ? text : text + "/" + std::to_string(shape.prefix_bits);
}

using Values = std::vector<std::vector<HostValue>>;  // by group

class Expander {
 public:
  explicit Expander(const HostList& list) : list_(list) {}

  std::optional<InsnList> run(const SmallCompiler& compile);

 private:
  std::string small_expression(bool second_set) const;
  bool one_more_is_as_libpcap_does(const SmallCompiler& compile);
  bool make_template(const InsnList& first, const InsnList& second);
  std::optional<std::map<uint32_t, Mark>> constants(bool second_set) const;
  bool find_segments();
  bool find_segment(uint32_t group);
  bool leaves_by_two_ways(uint32_t start, uint32_t end) const;
  bool entered_inside(uint32_t start, uint32_t end) const;
  bool is_long(uint32_t group) const {
    return list_[group].values.size() > representatives_of(list_[group]);
  }
  void add_plain(uint32_t pc, uint32_t k);
  void add_chain(uint32_t pc);
  void add_segment(uint32_t start, uint32_t end);
  InsnList assemble(Values values);

  const HostList& list_;
  std::vector<Representative> representatives_;
  Template template_;
  std::vector<uint32_t> segment_end_;  // by pc where one starts: its end; 0: none starts here
  Values values_;                      // that assemble() puts in place of the representatives
  std::vector<FarInsn> steps_;         // `taken` and `other` are labels until assemble()
  std::vector<uint32_t> labels_;       // step of each label; the first ones are the template's pcs
};

std::string Expander::small_expression(bool second_set) const {
  std::string expression;
  for (uint32_t i = 0; i < representatives_.size(); ++i) {
    const HostShape& shape = list_[representatives_[i].group].shape;
    expression += (i == 0 ? "" : " or ") + text_of(shape, placeholder(shape, i, second_set));
  }
  return expression;
}

// Nothing if two placeholders have the same constant.
std::optional<std::map<uint32_t, Mark>> Expander::constants(bool second_set) const {
  std::map<uint32_t, Mark> marks;
  for (uint32_t i = 0; i < representatives_.size(); ++i) {
    auto [group, nth] = representatives_[i];
    const HostShape& shape = list_[group].shape;
    HostValue value = placeholder(shape, i, second_set);
    uint32_t words = shape.term_class == TermClass::kV6 ? 4 : 1;
    for (uint32_t word = 0; word < words; ++word) {
      if (mask_of(shape, word) == 0) continue;
      if (!marks.insert({value[word], {group, nth, word}}).second) return std::nullopt;
    }
  }
  return marks;
}

bool Expander::make_template(const InsnList& first, const InsnList& second) {
  auto first_marks = constants(false), second_marks = constants(true);
  if (!first_marks || !second_marks || first.empty() || first.size() != second.size()) return false;
  template_ = {first, std::vector<Mark>(first.size())};
  std::map<uint32_t, Mark> unseen = *first_marks;
  for (size_t pc = 0; pc < first.size(); ++pc) {
    const Insn &a = first[pc], &b = second[pc];
    if (a.code != b.code || a.jt != b.jt || a.jf != b.jf) return false;
    auto mark = first_marks->find(a.k), other = second_marks->find(b.k);
    bool marked = mark != first_marks->end() && other != second_marks->end();
    if (a.code != (BPF_JMP | BPF_JEQ | BPF_K) || !marked) {
      if (a.k != b.k) return false;
      continue;
    }
    if (!(mark->second == other->second)) return false;
    template_.marks[pc] = mark->second;
    unseen.erase(a.k);
  }
  return unseen.empty() && !has_backward_jump(first);
}

bool Expander::find_segments() {
  segment_end_.assign(template_.insns.size(), 0);
  for (uint32_t group = 0; group < list_.size(); ++group)
    if (list_[group].shape.term_class == TermClass::kV6 && is_long(group) && !find_segment(group))
      return false;
  return true;
}

bool Expander::find_segment(uint32_t group) {
  uint32_t first = kNone, last = 0;
  for (uint32_t pc = 0; pc < template_.insns.size(); ++pc) {
    if (template_.marks[pc].group != group) continue;
    first = std::min(first, pc);
    last = pc;
  }
  uint32_t start = first;  // with the loads and masks before the first comparison
  while (start > 0 && BPF_CLASS(template_.insns[start - 1].code) != BPF_JMP) --start;
  uint32_t end = last + 1;
  if (!leaves_by_two_ways(start, end) || entered_inside(start, end)) return false;
  segment_end_[start] = end;
  return true;
}

// As the last comparison does: match and no match.
bool Expander::leaves_by_two_ways(uint32_t start, uint32_t end) const {
  const Insn& last = template_.insns[end - 1];
  uint32_t match = target(end - 1, last.jt), no_match = target(end - 1, last.jf);
  if (match == no_match) return false;
  for (uint32_t pc = start; pc < end; ++pc) {
    const Insn& insn = template_.insns[pc];
    bool ours = template_.marks[pc].group == template_.marks[end - 1].group;
    bool straight = BPF_CLASS(insn.code) != BPF_JMP && BPF_CLASS(insn.code) != BPF_RET;
    if (!ours && !straight) return false;
    if (straight) continue;
    for (uint32_t to : {target(pc, insn.jt), target(pc, insn.jf)})
      if (to >= end && to != match && to != no_match) return false;
  }
  return true;
}

bool Expander::entered_inside(uint32_t start, uint32_t end) const {
  auto inside = [&](uint32_t to) { return to > start && to < end; };
  for (uint32_t pc = 0; pc < start; ++pc) {
    const Insn& insn = template_.insns[pc];
    if (is_jump_always(insn) && inside(target(pc, insn.k))) return true;
    if (kind_of(insn.code) == Kind::kBranch &&
        (inside(target(pc, insn.jt)) || inside(target(pc, insn.jf))))
      return true;
  }
  return false;
}

void Expander::add_plain(uint32_t pc, uint32_t k) {
  Insn insn = template_.insns[pc];
  insn.k = k;
  FarInsn step{.insn = insn};
  if (is_jump_always(insn)) {
    step.taken = target(pc, template_.insns[pc].k);
  } else if (kind_of(insn.code) == Kind::kBranch) {
    step.taken = target(pc, insn.jt);
    step.other = target(pc, insn.jf);
  }
  steps_.push_back(step);
}

// The second representative's comparison, for all values but the first.
void Expander::add_chain(uint32_t pc) {
  const std::vector<HostValue>& values = values_[template_.marks[pc].group];
  for (size_t i = 1; i < values.size(); ++i) {
    add_plain(pc, values[i][0]);
    if (i + 1 == values.size()) continue;
    steps_.back().other = static_cast<uint32_t>(labels_.size());
    labels_.push_back(static_cast<uint32_t>(steps_.size()));
  }
}

// The representative's segment, for each value; what finds no match goes to the next copy.
void Expander::add_segment(uint32_t start, uint32_t end) {
  const std::vector<HostValue>& values = values_[template_.marks[end - 1].group];
  uint32_t no_match = target(end - 1, template_.insns[end - 1].jf);
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t copy = static_cast<uint32_t>(labels_.size());  // label of the copy's first instruction
    uint32_t next = i + 1 < values.size() ? copy + (end - start) : no_match;
    auto moved = [&](uint32_t to) {
      return to == no_match ? next : to >= start && to < end ? copy + (to - start) : to;
    };
    for (uint32_t pc = start; pc < end; ++pc) {
      labels_.push_back(static_cast<uint32_t>(steps_.size()));
      const Mark& mark = template_.marks[pc];
      add_plain(pc, mark.group == kNone ? template_.insns[pc].k : values[i][mark.word]);
      FarInsn& step = steps_.back();
      if (kind_of(step.insn.code) != Kind::kBranch) continue;
      step.taken = moved(step.taken);
      step.other = moved(step.other);
    }
  }
}

InsnList Expander::assemble(Values values) {
  values_ = std::move(values);
  steps_.clear();
  labels_.assign(template_.insns.size(), 0);
  for (uint32_t pc = 0; pc < template_.insns.size(); ++pc) {
    labels_[pc] = static_cast<uint32_t>(steps_.size());
    const Mark& mark = template_.marks[pc];
    if (segment_end_[pc] != 0) {
      add_segment(pc, segment_end_[pc]);
      pc = segment_end_[pc] - 1;
    } else if (mark.group == kNone) {
      add_plain(pc, template_.insns[pc].k);
    } else if (mark.nth == 1) {
      add_chain(pc);
    } else {
      add_plain(pc, values_[mark.group][mark.nth][mark.word]);
    }
  }
  for (FarInsn& step : steps_) {
    step.taken = labels_[step.taken];
    step.other = labels_[step.other];
  }
  return place_far_jumps(steps_);
}

bool Expander::one_more_is_as_libpcap_does(const SmallCompiler& compile) {
  Values values(list_.size());
  for (uint32_t i = 0; i < representatives_.size(); ++i) {
    uint32_t group = representatives_[i].group;
    values[group].push_back(placeholder(list_[group].shape, i, false));
  }
  uint32_t next = static_cast<uint32_t>(representatives_.size());
  std::string expression;
  bool may_skip = false;
  for (uint32_t group = 0; group < list_.size(); ++group) {
    const HostShape& shape = list_[group].shape;
    if (is_long(group)) values[group].push_back(placeholder(shape, next++, false));
    if (shape.term_class == TermClass::kV6) may_skip = true;
    for (const HostValue& value : values[group])
      expression += (expression.empty() ? "" : " or ") + text_of(shape, value);
  }
  const InsnList theirs = compile(expression);
  return same_tests(assemble(std::move(values)), theirs, may_skip);
}

std::optional<InsnList> Expander::run(const SmallCompiler& compile) {
  bool gains = false;
  for (uint32_t group = 0; group < list_.size(); ++group) {
    gains |= is_long(group);
    for (uint32_t nth = 0; nth < representatives_of(list_[group]); ++nth)
      representatives_.push_back({group, nth});
    if (representatives_.size() > kMaxRepresentatives) return std::nullopt;
  }
  if (!gains) return std::nullopt;
  if (!make_template(compile(small_expression(false)), compile(small_expression(true))))
    return std::nullopt;
  if (!find_segments() || !one_more_is_as_libpcap_does(compile)) return std::nullopt;
  Values values;
  for (const HostGroup& group : list_) values.push_back(group.values);
  return assemble(std::move(values));
}

}  // namespace

std::optional<InsnList> expand_host_list(const HostList& list, const SmallCompiler& compile) {
  return Expander(list).run(compile);
}

}  // namespace ipjit::bpf
