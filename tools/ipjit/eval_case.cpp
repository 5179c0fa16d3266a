// SPDX-License-Identifier: BSD-2-Clause
// Reads the JSON of `ipjit eval`.
//
// Every value is checked before it is used, because nlohmann's conversions throw on a wrong type
// and silently narrow a wide number.  Numbers may be negative where their 32 bits are meant:
// SKF_AD_OFF is written -4096 as often as 4294963200.
#include "tools/ipjit/eval_case.h"

#include <fmt/core.h>

#include <optional>

#include "bpf-frontend/expression.h"
#include "tools/ipjit/hex.h"
#include "tools/ipjit/link_type.h"

namespace ipjit::cli {
namespace {

Error bad_input(std::string why) { return {Stage::kUsage, Code::kBadInput, 0, std::move(why)}; }

std::optional<uint32_t> number(const Json& json, uint64_t most = 0xffffffff) {
  if (json.is_number_unsigned() && json.get<uint64_t>() <= most)
    return static_cast<uint32_t>(json.get<uint64_t>());
  if (most == 0xffffffff && json.is_number_integer() && json.get<int64_t>() >= INT32_MIN &&
      json.get<int64_t>() <= static_cast<int64_t>(most))
    return static_cast<uint32_t>(json.get<int64_t>());
  return std::nullopt;
}

std::string shown(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The 32 bits at `key`, `absent` where there are none.
Result<uint32_t> bits_at(const Json& object, const char* key, uint32_t absent) {
  auto found = object.find(key);
  if (found == object.end() || found->is_null()) return absent;
  if (auto value = number(*found)) return *value;
  return bad_input(fmt::format("\"{}\" is {}: not a 32-bit number", key, shown(*found)));
}

/// The same for what cannot be negative.
Result<uint32_t> size_at(const Json& object, const char* key, uint32_t absent, uint32_t least,
                         uint32_t most) {
  auto found = object.find(key);
  if (found == object.end() || found->is_null()) return absent;
  const bool whole = found->is_number_unsigned();
  if (whole && found->get<uint64_t>() >= least && found->get<uint64_t>() <= most)
    return static_cast<uint32_t>(found->get<uint64_t>());
  return bad_input(fmt::format("\"{}\" is {}: not a whole number from {} to {}", key, shown(*found),
                               least, most));
}

Result<bpf::InsnList> read_insns(const Json& json) {
  if (!json.is_array()) return bad_input("\"insns\" is not an array");
  bpf::InsnList insns;
  insns.reserve(json.size());
  for (const Json& words : json) {
    bool shaped = words.is_array() && words.size() == 4;
    auto code = shaped ? number(words[0], 0xffff) : std::nullopt;
    auto jt = shaped ? number(words[1], 0xff) : std::nullopt;
    auto jf = shaped ? number(words[2], 0xff) : std::nullopt;
    auto k = shaped ? number(words[3]) : std::nullopt;
    if (!code || !jt || !jf || !k)
      return bad_input(fmt::format("insns[{}] is not [code, jt, jf, k]", insns.size()));
    insns.push_back(
        {static_cast<uint16_t>(*code), static_cast<uint8_t>(*jt), static_cast<uint8_t>(*jf), *k});
  }
  return insns;
}

Result<int> read_dlt(const Json& line) {
  auto found = line.find("dlt");
  if (found == line.end() || found->is_null()) return bpf::Link{}.dlt;
  if (found->is_string()) return link_type_named(found->get<std::string>());
  if (auto value = number(*found, INT32_MAX)) return static_cast<int>(*value);
  return bad_input("\"dlt\" is neither a name nor a number");
}

Result<bpf::InsnList> read_expression(const Json& line) {
  if (!line["expr"].is_string()) return bad_input("\"expr\" is not a string");
  bpf::Link link;
  Result<int> dlt = read_dlt(line);
  if (!dlt) return dlt.error();
  Result<uint32_t> snaplen = size_at(line, "snaplen", link.snaplen, 1, INT32_MAX);
  if (!snaplen) return snaplen.error();
  Result<uint32_t> netmask = bits_at(line, "netmask", link.netmask);
  if (!netmask) return netmask.error();
  auto optimize = line.find("optimize");
  if (optimize != line.end() && !optimize->is_boolean())
    return bad_input("\"optimize\" is neither true nor false");
  link.dlt = *dlt;
  link.snaplen = *snaplen;
  link.netmask = *netmask;
  link.optimize = optimize == line.end() || optimize->get<bool>();
  return bpf::compile_expression(line["expr"].get<std::string>(), link);
}

Status read_meta(const Json& meta, ipjit_ctx& ctx) {
  if (!meta.is_object()) return bad_input("\"meta\" is not an object");
  for (const auto& [key, json] : meta.items()) {
    auto value = number(json);
    if (!value)
      return bad_input(fmt::format("meta \"{}\" is {}: not a 32-bit number", key, shown(json)));
    bool known = false;
#define IPJIT_FIELD(name, meaning) \
  if (key == #name) {              \
    ctx.name = *value;             \
    known = true;                  \
  }
#include "ipjit/fields.def"
#undef IPJIT_FIELD
    if (!known) return bad_input(fmt::format("meta \"{}\" is no field of the context", key));
  }
  return ok();
}

Result<EvalPacket> read_packet(const Json& json, bpf::Dialect dialect) {
  if (!json.is_object()) return bad_input("a packet is not an object");
  auto hex = json.find("hex");
  if (hex == json.end() || !hex->is_string()) return bad_input("a packet has no string \"hex\"");
  auto bytes = from_hex(hex->get_ref<const std::string&>());
  if (!bytes) return bad_input("\"hex\" is not pairs of hexadecimal digits");
  EvalPacket packet{.bytes = std::move(*bytes)};
  Result<uint32_t> wirelen =
      size_at(json, "wirelen", static_cast<uint32_t>(packet.bytes.size()), 0, UINT32_MAX);
  if (!wirelen) return wirelen.error();
  packet.ctx.wire_len = *wirelen;
  // Unless meta says more, as in pcap_offline_filter().
  if (dialect == bpf::Dialect::kLibpcap) packet.ctx.vlan_present = bpf::kNoVlanData;
  auto meta = json.find("meta");
  if (meta == json.end() || meta->is_null()) return packet;
  if (Status read = read_meta(*meta, packet.ctx); !read) return read.error();
  return packet;
}

Result<bpf::Dialect> read_dialect(const Json& line) {
  auto found = line.find("dialect");
  if (found == line.end()) return bpf::Dialect::kLibpcap;
  auto dialect = found->is_string() ? bpf::dialect_named(found->get<std::string>()) : std::nullopt;
  if (!dialect) return bad_input("\"dialect\" is neither \"libpcap\" nor \"linux\"");
  return *dialect;
}

}  // namespace

Result<EvalCase> read_case(const Json& line) {
  if (!line.is_object()) return bad_input("the line is not a JSON object");
  Result<bpf::Dialect> dialect = read_dialect(line);
  if (!dialect) return dialect.error();
  if (line.contains("insns") == line.contains("expr"))
    return bad_input("one of \"insns\" and \"expr\" is needed, and not both");
  Result<bpf::InsnList> insns =
      line.contains("insns") ? read_insns(line["insns"]) : read_expression(line);
  if (!insns) return insns.error();
  EvalCase result{.dialect = *dialect, .insns = std::move(*insns)};
  auto packets = line.find("packets");
  if (packets == line.end()) return result;
  if (!packets->is_array()) return bad_input("\"packets\" is not an array");
  for (const Json& json : *packets) {
    Result<EvalPacket> packet = read_packet(json, *dialect);
    if (!packet)
      return bad_input(fmt::format("packets[{}]: {}", result.packets.size(), packet.error().why));
    result.packets.push_back(std::move(*packet));
  }
  return result;
}

}  // namespace ipjit::cli
