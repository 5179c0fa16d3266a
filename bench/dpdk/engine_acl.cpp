// SPDX-License-Identifier: BSD-2-Clause
// DPDK's access control lists, called as its l3fwd example does: pointers to the protocol byte of
// each IPv4 header, a burst at a time, one category.
//
// One set of tables for all forms of the search; a form is an argument of the call.  The form with
// 32 lanes of AVX-512 is off unless the SIMD width is forced; here it is.
#include "bench/dpdk/rules.h"

namespace ipjit::pktbench {
namespace {

constexpr unsigned kAtOnce = 256;
constexpr size_t kKey = 14 + 9;  // Ethernet, and the header up to the protocol

enum Field : uint8_t { kProtocol, kSource, kDestination, kSourcePort, kDestinationPort, kFields };

// A key is read four bytes at a time: input_index says which.
constexpr rte_acl_field_def kDefinitions[kFields] = {
    {RTE_ACL_FIELD_TYPE_BITMASK, 1, kProtocol, 0, 0},
    {RTE_ACL_FIELD_TYPE_MASK, 4, kSource, 1, 3},
    {RTE_ACL_FIELD_TYPE_MASK, 4, kDestination, 2, 7},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, kSourcePort, 3, 11},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, kDestinationPort, 3, 13},
};
RTE_ACL_RULE_DEF(AclRule, kFields);

struct Context {
  rte_acl_ctx* acl = nullptr;
  ~Context() { rte_acl_free(acl); }
};
using ContextPtr = std::shared_ptr<Context>;

class Acl : public Engine {
 public:
  Acl(ContextPtr context, enum rte_acl_classify_alg form)
      : context_(std::move(context)), form_(form) {}
  void run(rte_mbuf* const* mbufs, unsigned count, uint32_t* verdicts) override {
    const uint8_t* keys[kAtOnce];
    for (unsigned done = 0; done < count; done += kAtOnce) {
      const unsigned some = std::min(kAtOnce, count - done);
      for (unsigned i = 0; i < some; ++i)
        keys[i] = rte_pktmbuf_mtod_offset(mbufs[done + i], const uint8_t*, kKey);
      rte_acl_classify_alg(context_->acl, keys, verdicts + done, some, 1, form_);
    }
  }

 private:
  ContextPtr context_;
  enum rte_acl_classify_alg form_;
};

AclRule acl_rule(const Rule& rule, size_t place, size_t count) {
  AclRule out = {};
  out.data.category_mask = 1;
  out.data.priority = static_cast<int32_t>(count - place);
  out.data.userdata = static_cast<uint32_t>(place + 1);
  out.field[kProtocol].value.u8 = rule.protocol;
  out.field[kProtocol].mask_range.u8 = rule.protocol_mask;
  out.field[kSource].value.u32 = rule.source;
  out.field[kSource].mask_range.u32 = rule.source_bits;
  out.field[kDestination].value.u32 = rule.destination;
  out.field[kDestination].mask_range.u32 = rule.destination_bits;
  out.field[kSourcePort].value.u16 = rule.source_port[0];
  out.field[kSourcePort].mask_range.u16 = rule.source_port[1];
  out.field[kDestinationPort].value.u16 = rule.destination_port[0];
  out.field[kDestinationPort].mask_range.u16 = rule.destination_port[1];
  return out;
}

Error refused(const char* call, int error) {
  return Error{Stage::kRuntime, Code::kRefused, 0,
               std::string(call) + ": " + rte_strerror(error < 0 ? -error : error)};
}

Result<ContextPtr> build(const RuleSet& rules) {
  static unsigned built = 0;
  const std::string name = "ipjit_rules_" + std::to_string(built++);
  const rte_acl_param parameters = {.name = name.c_str(),
                                    .socket_id = SOCKET_ID_ANY,
                                    .rule_size = RTE_ACL_RULE_SZ(kFields),
                                    .max_rule_num = static_cast<uint32_t>(rules.size())};
  const auto context = std::make_shared<Context>();
  context->acl = rte_acl_create(&parameters);
  if (!context->acl) return refused("rte_acl_create", rte_errno);
  for (size_t i = 0; i < rules.size(); ++i) {
    const AclRule rule = acl_rule(rules[i], i, rules.size());
    if (const int e =
            rte_acl_add_rules(context->acl, reinterpret_cast<const rte_acl_rule*>(&rule), 1))
      return refused("rte_acl_add_rules", e);
  }
  rte_acl_config config = {};
  config.num_categories = 1;
  config.num_fields = kFields;
  std::copy(std::begin(kDefinitions), std::end(kDefinitions), config.defs);
  if (const int e = rte_acl_build(context->acl, &config)) return refused("rte_acl_build", e);
  return context;
}

}  // namespace

std::vector<Candidate> acl_engines(const RuleSet& rules) {
  constexpr std::pair<const char*, enum rte_acl_classify_alg> kForms[] = {
      {"rte_acl scalar", RTE_ACL_CLASSIFY_SCALAR},
      {"rte_acl SSE", RTE_ACL_CLASSIFY_SSE},
      {"rte_acl AVX2", RTE_ACL_CLASSIFY_AVX2},
      {"rte_acl AVX-512 x16", RTE_ACL_CLASSIFY_AVX512X16},
      {"rte_acl AVX-512 x32", RTE_ACL_CLASSIFY_AVX512X32}};
  rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512);
  const Result<ContextPtr> context = build(rules);
  std::vector<Candidate> candidates;
  for (const auto& [name, form] : kForms) {
    if (!context)
      candidates.push_back({name, context.error()});
    else if (rte_acl_set_ctx_classify((*context)->acl, form) != 0)
      candidates.push_back(
          {name, Error{Stage::kRuntime, Code::kUnavailable, 0, "not on this machine"}});
    else
      candidates.push_back({name, std::shared_ptr<Engine>(std::make_shared<Acl>(*context, form))});
  }
  return candidates;
}

}  // namespace ipjit::pktbench
