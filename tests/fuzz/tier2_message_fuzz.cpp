// SPDX-License-Identifier: BSD-2-Clause
// Fuzz target: any bytes as what the compile server and its clients say, or as a file of its cache.
//
//   byte 0   what the rest is: 0 a request's frame, 1 a reply's, 2 a cache entry, 3 a cache entry
//            whose digest is put right first
//
// What must hold for every input: the decoder returns and reads nothing beyond the bytes; what it
// takes encodes to the same bytes; the code of a reply has sizes that fit each other.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "tier2-llvm/remote/message.h"
#include "tools/tier2/cache_entry.h"

namespace {

using namespace ipjit;
using namespace ipjit::tier2;

constexpr size_t kMaxInput = 8192;  // longer inputs only slow the search down
constexpr size_t kDigestAt = 8, kDigestedFrom = 16;

bool same(const Bytes& a, std::span<const uint8_t> b) { return std::ranges::equal(a, b); }

void check(const CompiledCode& compiled) {
  const ir::MachineCode& code = compiled.code;
  IPJIT_CHECK(code.code_len != 0 && code.code_len <= code.bytes.size());
  IPJIT_CHECK(code.contract.nr_tables <= IPJIT_MAX_TABLES);
  for (const ir::SourceMark& mark : code.marks) IPJIT_CHECK(mark.offset <= code.code_len);
}

void reply(std::span<const uint8_t> bytes) {
  const Result<CompileReply> reply = decode_reply_frame(bytes);
  if (!reply) return;
  if (const CompiledCode* code = std::get_if<CompiledCode>(&*reply)) check(*code);
  IPJIT_CHECK(same(encode(*reply), bytes));
}

void entry(std::span<const uint8_t> bytes) {
  const std::optional<CacheEntry> entry = decode_entry(bytes);
  if (!entry) return;
  check(entry->code);
  IPJIT_CHECK(same(encode_entry(entry->key, entry->code), bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > kMaxInput) return 0;
  // A copy of its own size: the address sanitizer sees the first byte beyond it.
  Bytes bytes(data + 1, data + size);
  bytes.shrink_to_fit();
  switch (data[0]) {
    case 0:
      if (const Result<CompileRequest> request = decode_request_frame(bytes); request)
        IPJIT_CHECK(same(encode(*request), bytes));
      break;
    case 1:
      reply(bytes);
      break;
    case 3:
      if (bytes.size() >= kEntryHeadBytes) {
        const uint64_t sum = digest(std::span(bytes).subspan(kDigestedFrom));
        std::memcpy(bytes.data() + kDigestAt, &sum, sizeof sum);
      }
      [[fallthrough]];
    case 2:
      entry(bytes);
      break;
  }
  return 0;
}
