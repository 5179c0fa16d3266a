// SPDX-License-Identifier: BSD-2-Clause
// A program as Graphviz text.
//
// The boxes hold what print() says, so a graph and a dump of one program are compared with the eye;
// what is drawn is what flow_of() found.  The most frequent way is followed edge by edge from the
// entry and drawn red; a block's own colour is how many packets enter it, by whatever way.
//
// The general part of a specialised program is recognised by its only door: a block that counts in
// counter 0 and jumps; the general program begins where that leads and ends with the program.
//
// Tested by tests/ir/dot_test.cpp, which also has Graphviz read it where that is installed.
#include "ir/dot.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "ir/text.h"

namespace ipjit::ir {
namespace {

constexpr double kCold = 0.001;         // of the packets: fewer make a block grey
constexpr size_t kLongName = 40;        // of an arrow that stands for many cases
constexpr size_t kLongLine = 200;       // characters shown of one
constexpr size_t kLongLabel = 12'000;   // Graphviz refuses strings of 16 KiB
constexpr double kOftenMissed = 0.005;  // of the runs: fewer are not worth a line

std::string percent(double share) {
  char text[32];
  const double p = 100 * share;
  std::snprintf(text, sizeof text,
                p == 0 || p >= 99.95 ? "%.0f %%"
                : p < 0.1            ? "%.2f %%"
                                     : "%.1f %%",
                p);
  return text;
}

/// As a line of a label: Graphviz's `\l` ends one and sets it to the left.
std::string line(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, kLongLine)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + (text.size() > kLongLine ? "...\\l" : "\\l");
}

/// A label of these lines, as many as Graphviz takes.
std::string label_of(const std::vector<std::string>& lines) {
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (out.size() > kLongLabel)
      return out + line(std::to_string(lines.size() - i) + " lines more");
    out += line(lines[i]);
  }
  return out;
}

/// What print() says of each block, line by line, without the blanks.
std::vector<std::vector<std::string>> lines_of_blocks(const Program& program) {
  std::vector<std::vector<std::string>> blocks;
  const std::string text = print(program);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    std::string one = text.substr(at, end - at);
    at = end + 1;
    if (one.starts_with("b" + std::to_string(blocks.size()) + ":") ||
        one.starts_with("b" + std::to_string(blocks.size()) + "(")) {
      blocks.emplace_back();
      const size_t head = one.find(": ", one[one.find_first_of("(:")] == '(' ? one.find(')') : 0);
      blocks.back().push_back(one.substr(0, head));
      one.erase(0, head + 2);
    }
    if (blocks.empty()) continue;  // declarations
    one.erase(0, one.find_first_not_of(' '));
    const size_t comment = one.find(';');
    if (comment != std::string::npos) {
      const size_t gap = one.find_last_not_of(' ', comment - 1) + 1;
      one.replace(gap, comment - gap, "  ");
    }
    blocks.back().push_back(std::move(one));
  }
  return blocks;
}

/// The first block of the general part; the number of blocks where there is none.
uint32_t general_part(const Program& program) {
  for (const Block& block : program.blocks) {
    const auto insns = program.insns_of(block);
    const bool counts = insns.size() == 1 && insns[0].op == Op::kCount && insns[0].imm == 0;
    if (counts && block.term.kind == TermKind::kJump) return index(block.term.taken.to);
  }
  return static_cast<uint32_t>(program.blocks.size());
}

/// A way out of a block.
struct Way {
  uint32_t from = 0;
  uint32_t to = 0;
  std::string name;  // "yes", "no", "short", case values
  double share = 0;  // of all packets
  bool hot = false;
};

class Drawing {
 public:
  Drawing(const Program& program, const Profile* profile, std::span<const std::string> log)
      : p_(program),
        known_(profile != nullptr && !profile->empty()),
        profile_(profile != nullptr ? *profile : none_),
        flow_(flow_of(program, profile_)),
        log_(log),
        lines_(lines_of_blocks(program)) {
    for (uint32_t b = 0; b < p_.blocks.size(); ++b) add_ways(b);
    if (known_) follow_the_most();
  }

  std::string run() {
    out_ = "digraph filter {\n";
    out_ += "  graph [fontname=monospace, fontsize=11, labelloc=b, labeljust=l, label=\"" +
            title() + "\"];\n";
    out_ += "  node [shape=box, style=filled, fillcolor=white, fontname=monospace, fontsize=10];\n";
    out_ += "  edge [fontname=monospace, fontsize=9];\n";
    const uint32_t general = general_part(p_);
    for (uint32_t b = 0; b < general; ++b) box(b, "  ");
    if (general < p_.blocks.size()) {
      out_ += "  subgraph cluster_general {\n";
      out_ += "    label=\"the general program\"; labelloc=t; style=dashed; color=gray50;\n";
      for (uint32_t b = general; b < p_.blocks.size(); ++b) box(b, "    ");
      out_ += "  }\n";
    }
    for (const Way& way : ways_) arrow(way);
    return out_ + "}\n";
  }

 private:
  void add(uint32_t from, const Edge& edge, const std::string& name, double share) {
    add(from, index(edge.to), name, share);
  }

  // Several needs of a block go to one place, and several cases: one arrow with their sum.
  void add(uint32_t from, uint32_t to, const std::string& name, double share) {
    for (size_t i = first_way_.back(); i < ways_.size(); ++i) {
      Way& way = ways_[i];
      if (way.to != to) continue;
      if (way.name != name && way.name.size() < kLongName) way.name += ", " + name;
      way.share += share;
      return;
    }
    ways_.push_back({from, to, name, share});
  }

  void add_ways(uint32_t b) {
    const Block& block = p_.blocks[b];
    first_way_.push_back(ways_.size());
    double amount = flow_.reach[b];
    for (uint32_t i = block.first; i < block.first + block.count; ++i) {
      if (p_.insns[i].op != Op::kNeed) continue;
      add(b, index(p_.insns[i].fail), "short", amount * (1 - flow_.passed[i]));
      amount *= flow_.passed[i];
    }
    const Term& term = block.term;
    if (term.kind == TermKind::kJump) add(b, term.taken, "", amount);
    if (term.kind == TermKind::kBranch) {
      add(b, term.taken, "yes", amount * flow_.taken[b]);
      add(b, term.other, "no", amount * (1 - flow_.taken[b]));
    }
    if (term.kind != TermKind::kSwitch) return;
    for (uint32_t i = 0; i < term.case_count; ++i) {
      const Case& one = p_.cases[term.cases + i];
      add(b, one.edge, std::to_string(one.value), amount * case_share(p_, term, i, profile_));
    }
    add(b, term.other, "else", amount * case_share(p_, term, term.case_count, profile_));
  }

  void follow_the_most() {
    for (uint32_t at = 0;;) {
      Way* most = nullptr;
      for (size_t i = first_way_[at]; i < ways_.size() && ways_[i].from == at; ++i)
        if (most == nullptr || ways_[i].share > most->share) most = &ways_[i];
      if (most == nullptr || (ends(at) && most->share < flow_.reach[at] / 2)) return;
      most->hot = true;
      at = most->to;
    }
  }

  /// Whether packets end here, so that a way out is not all that a packet does.
  bool ends(uint32_t b) const {
    const TermKind kind = p_.blocks[b].term.kind;
    return kind != TermKind::kJump && kind != TermKind::kBranch && kind != TermKind::kSwitch;
  }

  std::string title() const {
    std::vector<std::string> lines = {"filter " + p_.name};
    if (known_) {
      lines.push_back(
          std::to_string(profile_.packets) + " packets sampled, " +
          percent(static_cast<double>(profile_.matched) / static_cast<double>(profile_.packets)) +
          " matched");
    }
    for (size_t i = 0; i < p_.tables.size(); ++i) {
      lines.push_back("table" + std::to_string(i) + ": " +
                      std::to_string(p_.tables[i].entries.size()) + " keys of " +
                      std::to_string(p_.tables[i].key_bits) + " bits");
    }
    lines.insert(lines.end(), log_.begin(), log_.end());
    return label_of(lines);
  }

  void box(uint32_t b, const char* indent) {
    const double reach = std::min(flow_.reach[b], 1.0);
    std::vector<std::string> lines = lines_[b];
    if (known_) lines[0] += "   " + percent(reach);
    if (known_ && flow_.mispredicted[b] >= kOftenMissed && reach >= kCold)
      lines.push_back(percent(flow_.mispredicted[b]) + " guessed wrong");
    out_ += indent + name(b) + " [label=\"" + label_of(lines) + "\"";
    if (known_ && reach < kCold) {
      out_ += ", fillcolor=gray92, color=gray60, fontcolor=gray45";
    } else if (known_) {
      char colour[64];
      std::snprintf(colour, sizeof colour, ", fillcolor=\"%.3f %.3f 1.000\"", 0.16 * (1 - reach),
                    0.12 + 0.43 * reach);
      out_ += colour;
    }
    out_ += "];\n";
  }

  void arrow(const Way& way) {
    out_ += "  " + name(way.from) + " -> " + name(way.to);
    std::string label = way.name;
    if (known_) label += (label.empty() ? "" : " ") + percent(way.share);
    std::string look = "label=\" " + label + "\"";  // a blank keeps it off the line
    if (way.name == "short") look += ", style=dashed";
    if (known_) {
      char width[64];
      std::snprintf(width, sizeof width, ", penwidth=%.1f", 0.6 + 3.4 * std::min(way.share, 1.0));
      look += width;
      if (way.hot) {
        look += ", color=red3";
      } else if (way.share < kCold) {
        look += ", color=gray60, fontcolor=gray45";
      }
    }
    out_ += " [" + look + "];\n";
  }

  static std::string name(uint32_t block) { return "b" + std::to_string(block); }

  const Program& p_;
  const Profile none_;
  const bool known_;
  const Profile& profile_;
  const Flow flow_;
  std::span<const std::string> log_;
  std::vector<std::vector<std::string>> lines_;
  std::vector<Way> ways_;  // by block
  std::vector<size_t> first_way_;
  std::string out_;
};

}  // namespace

std::string dot_of(const Program& program, const Profile* profile,
                   std::span<const std::string> log) {
  return Drawing(program, profile, log).run();
}

}  // namespace ipjit::ir
