// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ipjit/contract_json.h"

#include <fmt/core.h>

#include <type_traits>

namespace ipjit::cli {
namespace {

using Json = nlohmann::ordered_json;

// `table` apart, these are the fields; both directions walk this one list.
template <class Contract, class Visit>
void each_field(Contract& contract, Visit visit) {
  visit("abi", contract.abi);
  visit("isa", contract.isa);
  visit("bases", contract.bases);
  visit("stack_bytes", contract.stack_bytes);
  visit("max_len", contract.max_len);
  visit("max_th_len", contract.max_th_len);
  visit("fields", contract.fields);
  visit("exits", contract.exits);
  visit("resumes", contract.resumes);
  visit("actions", contract.actions);
  visit("counters", contract.counters);
  visit("nr_tables", contract.nr_tables);
}

template <class Table, class Visit>
void each_table_field(Table& table, Visit visit) {
  visit("place", table.place);
  visit("at", table.at);
  visit("size", table.size);
}

Error bad(const std::string& why) {
  return {Stage::kUsage, Code::kBadInput, 0, "contract: " + why};
}

/// Fills fields through `walk` and checks that the object holds no others; `more` is one key that
/// somebody else reads.
template <class Struct, class Walk>
Status read_fields(const Json& json, Struct& into, Walk walk, const char* more) {
  size_t known = json.contains(more) ? 1 : 0;
  std::string wrong;
  walk(into, [&](const char* name, auto& field) {
    auto found = json.find(name);
    if (found == json.end()) return;
    ++known;
    using Field = std::remove_reference_t<decltype(field)>;
    if (found->is_number_unsigned() && found->template get<uint64_t>() <= static_cast<Field>(~0ull))
      field = static_cast<Field>(found->template get<uint64_t>());
    else
      wrong = fmt::format("\"{}\" is not a number of {} bits", name, sizeof(Field) * 8);
  });
  if (!wrong.empty()) return bad(wrong);
  if (known == json.size()) return ok();
  for (const auto& [key, value] : json.items()) {
    bool found = key == more;
    walk(into, [&](const char* name, auto&) { found |= key == name; });
    if (!found) return bad(fmt::format("\"{}\" is no field of struct ipjit_contract", key));
  }
  return ok();
}

}  // namespace

Json contract_to_json(const ipjit_contract& contract) {
  Json json = Json::object();
  each_field(contract, [&](const char* name, auto field) { json[name] = field; });
  json["table"] = Json::array();
  for (uint32_t i = 0; i < contract.nr_tables; ++i) {
    Json table = Json::object();
    each_table_field(contract.table[i], [&](const char* name, auto field) { table[name] = field; });
    json["table"].push_back(table);
  }
  return json;
}

Result<ipjit_contract> contract_from_json(const Json& json) {
  if (!json.is_object()) return bad("not a JSON object");
  ipjit_contract contract = {};
  contract.abi = IPJIT_ABI_VERSION;
  auto walk = [](auto& into, auto visit) { each_field(into, visit); };
  if (Status read = read_fields(json, contract, walk, "table"); !read) return read.error();
  Json tables = json.value("table", Json::array());
  if (!tables.is_array() || tables.size() > IPJIT_MAX_TABLES)
    return bad(fmt::format("\"table\" is not an array of at most {}", IPJIT_MAX_TABLES));
  if (json.contains("nr_tables") && contract.nr_tables != tables.size())
    return bad(fmt::format("\"nr_tables\" is {}, but \"table\" holds {}", contract.nr_tables,
                           tables.size()));
  contract.nr_tables = static_cast<uint32_t>(tables.size());
  for (uint32_t i = 0; i < contract.nr_tables; ++i) {
    if (!tables[i].is_object()) return bad(fmt::format("table[{}] is not an object", i));
    auto walk_table = [](auto& into, auto visit) { each_table_field(into, visit); };
    if (Status read = read_fields(tables[i], contract.table[i], walk_table, ""); !read)
      return read.error();
  }
  return contract;
}

}  // namespace ipjit::cli
