// SPDX-License-Identifier: BSD-2-Clause
// Recognises a disjunction of hosts, nets and ports.
//
//   host 192.0.2.1 or (src host 192.0.2.2 or 192.0.2.3) || net 198.51.100.0/24 or port 53
//   -> "host": 192.0.2.1;  "src host": 192.0.2.2, 192.0.2.3;  "net %/24": ...;  "port": 53
//
// Only what has one obvious reading in pcap-filter(7) is taken: `or` and `||`, parentheses around
// whole disjunctions, numeric constants in their usual form.  Every other word (and, not, vlan,
// mpls, gateway, a name, ...) means: not ours.
//
// Order matters on truncated packets: a load past the end ends the program.  libpcap's optimiser
// moves tests of one value together, so terms may be grouped where it does:
//   - IPv4 terms of all kinds with each other, and with IPv6 terms (other EtherTypes);
//   - ports with each other;
// but IPv6 terms of different shapes, and addresses and ports, stay in the order they are written
// in. Found by comparing libpcap's programs for shuffled lists; tests/bpf/host_list_test.cpp does
// it again.
#include <arpa/inet.h>

#include <charconv>
#include <set>
#include <string_view>

#include "bpf-frontend/host_list.h"

namespace ipjit::bpf {
namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> tokens;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find_first_of(" \t\r\n()", at);
    if (end == text.npos) end = text.size();
    if (end != at) tokens.push_back(text.substr(at, end - at));
    if (end < text.size() && (text[end] == '(' || text[end] == ')'))
      tokens.push_back(text.substr(end, 1));
    at = end + 1;
  }
  return tokens;
}

std::optional<uint32_t> decimal(std::string_view text, uint32_t max) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool leading_zero = text.size() > 1 && text[0] == '0';  // octal to some
  if (error != std::errc() || end != text.data() + text.size() || value > max || leading_zero)
    return std::nullopt;
  return value;
}

std::optional<HostValue> ipv4(std::string_view text) {
  uint32_t address = 0;
  for (int part = 0; part < 4; ++part) {
    size_t end = part < 3 ? text.find('.') : text.size();
    if (end == text.npos) return std::nullopt;
    std::optional<uint32_t> byte = decimal(text.substr(0, end), 255);
    if (!byte) return std::nullopt;
    address = address << 8 | *byte;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return HostValue{address};
}

std::optional<HostValue> ipv6(std::string_view text) {
  if (text.find(':') == text.npos || text.find('.') != text.npos) return std::nullopt;
  in6_addr address;
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return std::nullopt;
  HostValue value;
  for (size_t word = 0; word < 4; ++word)
    for (size_t byte = 0; byte < 4; ++byte)
      value[word] = value[word] << 8 | address.s6_addr[word * 4 + byte];
  return value;
}

// libpcap refuses a net with bits behind its prefix; its message is better than ours.
bool fits_prefix(const HostValue& value, uint32_t bits, uint32_t words) {
  for (uint32_t word = 0; word < words; ++word) {
    uint32_t kept = bits > 32 * word ? std::min(bits - 32 * word, 32u) : 0;
    if (kept < 32 && (value[word] & (0xffffffffu >> kept)) != 0) return false;
  }
  return true;
}

struct Qualifiers {
  std::string protocol;
  std::string direction;
  std::string type;

  bool empty() const { return protocol.empty() && direction.empty() && type.empty(); }
  std::string text() const;
};

std::string Qualifiers::text() const {
  std::string text;
  for (const std::string* word : {&protocol, &direction, &type})
    if (!word->empty()) text += (text.empty() ? "" : " ") + *word;
  return text;
}

struct HostTerm {
  HostShape shape;
  HostValue value = {};
};

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(split(text)) {}

  std::optional<std::vector<HostTerm>> run();

 private:
  std::string_view peek() const { return at_ < tokens_.size() ? tokens_[at_] : std::string_view(); }
  bool take(std::string_view word);
  bool disjunction(uint32_t depth);
  bool operand(uint32_t depth, bool may_inherit);
  Qualifiers qualifiers();
  bool constants();
  bool constant();
  bool address(HostTerm term, std::string_view text);

  std::vector<std::string_view> tokens_;
  size_t at_ = 0;
  Qualifiers current_;
  std::vector<HostTerm> terms_;
};

bool Parser::take(std::string_view word) {
  if (peek() != word || word.empty()) return false;
  ++at_;
  return true;
}

std::optional<std::vector<HostTerm>> Parser::run() {
  if (!disjunction(0) || at_ != tokens_.size()) return std::nullopt;
  return std::move(terms_);
}

bool Parser::disjunction(uint32_t depth) {
  bool may_inherit = false;
  do {
    bool group = peek() == "(";
    if (!operand(depth, may_inherit)) return false;
    may_inherit = !group;
  } while (take("or") || take("||"));
  return true;
}

// A constant without qualifiers has those of the term before it.
bool Parser::operand(uint32_t depth, bool may_inherit) {
  if (take("(")) return depth < 100 && disjunction(depth + 1) && take(")");
  Qualifiers own = qualifiers();
  if (own.empty() && !may_inherit) return false;
  if (!own.empty()) current_ = own;
  return constants();
}

Qualifiers Parser::qualifiers() {
  Qualifiers found;
  for (std::string_view word : {"ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp"})
    if (found.protocol.empty() && take(word)) found.protocol = word;
  for (std::string_view word : {"src", "dst"})
    if (found.direction.empty() && take(word)) found.direction = word;
  for (std::string_view word : {"host", "net", "port"})
    if (found.type.empty() && take(word)) found.type = word;
  return found;
}

// `host a`, or `host (a or b)`.
bool Parser::constants() {
  if (!take("(")) return constant();
  do {
    if (!constant()) return false;
  } while (take("or") || take("||"));
  return take(")");
}

bool Parser::constant() {
  std::string_view text = peek();
  ++at_;
  HostTerm term;
  term.shape.qualifiers = current_.text();
  if (current_.type != "port") return address(std::move(term), text);
  bool transport = current_.protocol == "tcp" || current_.protocol == "udp" ||
                   current_.protocol == "sctp" || current_.protocol.empty();
  std::optional<uint32_t> port = decimal(text, 65535);
  if (!transport || !port) return false;
  term.shape.term_class = TermClass::kPort;
  term.value = {*port};
  terms_.push_back(std::move(term));
  return true;
}

bool Parser::address(HostTerm term, std::string_view text) {
  size_t slash = text.find('/');
  bool net = current_.type == "net";
  if (net != (slash != text.npos)) return false;
  std::string_view digits = text.substr(0, slash);
  std::optional<HostValue> four = ipv4(digits);
  std::optional<HostValue> value = four ? four : ipv6(digits);
  if (!value) return false;
  const std::string& protocol = current_.protocol;
  bool known =
      protocol.empty() ||
      (four ? protocol == "ip" || protocol == "arp" || protocol == "rarp" : protocol == "ip6");
  if (!known) return false;
  term.shape.term_class = four ? TermClass::kV4 : TermClass::kV6;
  term.value = *value;
  if (net) {
    std::optional<uint32_t> bits = decimal(text.substr(slash + 1), four ? 32 : 128);
    if (!bits || *bits == 0 || !fits_prefix(*value, *bits, four ? 1 : 4)) return false;
    term.shape.prefix_bits = *bits;
  }
  terms_.push_back(std::move(term));
  return true;
}

// Builds the list; see the essay for what may be moved.
class Grouper {
 public:
  void add(const HostTerm& term);
  HostList finish();

 private:
  struct Group : HostGroup {
    std::set<HostValue> seen;
  };

  void flush();
  static Group& group_of(std::vector<Group>& groups, const HostShape& shape, bool last_only);

  bool ports_ = false;         // the open block holds ports, not addresses
  std::vector<Group> first_;   // of the open block: ports, or IPv4
  std::vector<Group> second_;  // of the open block: IPv6
  HostList list_;
};

Grouper::Group& Grouper::group_of(std::vector<Group>& groups, const HostShape& shape,
                                  bool last_only) {
  size_t from = last_only && !groups.empty() ? groups.size() - 1 : 0;
  for (size_t i = from; i < groups.size(); ++i)
    if (groups[i].shape == shape) return groups[i];
  Group& group = groups.emplace_back();
  group.shape = shape;
  return group;
}

void Grouper::add(const HostTerm& term) {
  bool port = term.shape.term_class == TermClass::kPort;
  if (port != ports_) flush();
  ports_ = port;
  bool six = term.shape.term_class == TermClass::kV6;
  Group& group = group_of(six ? second_ : first_, term.shape, six);
  if (group.seen.insert(term.value).second) group.values.push_back(term.value);
}

void Grouper::flush() {
  for (std::vector<Group>* groups : {&first_, &second_}) {
    for (Group& group : *groups) list_.push_back({std::move(group.shape), std::move(group.values)});
    groups->clear();
  }
}

HostList Grouper::finish() {
  flush();
  return std::move(list_);
}

std::string direction_of(const HostShape& shape) {
  for (const char* word : {"src", "dst"})
    if (shape.qualifiers.find(word) != std::string::npos) return word;
  return "";
}

bool mixes_ipv6_directions(const HostList& list) {
  const HostShape* first = nullptr;
  for (const HostGroup& group : list) {
    if (group.shape.term_class != TermClass::kV6) continue;
    if (first == nullptr) first = &group.shape;
    if (direction_of(group.shape) != direction_of(*first)) return true;
  }
  return false;
}

}  // namespace

std::optional<HostList> parse_host_list(const std::string& expression) {
  std::optional<std::vector<HostTerm>> terms = Parser(expression).run();
  if (!terms || terms->size() < kMinHostTerms) return std::nullopt;
  Grouper grouper;
  for (const HostTerm& term : *terms) grouper.add(term);
  HostList list = grouper.finish();
  if (mixes_ipv6_directions(list)) return std::nullopt;
  return list;
}

}  // namespace ipjit::bpf
