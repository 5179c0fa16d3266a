// SPDX-License-Identifier: BSD-2-Clause
#include "tools/tier2/cache_entry.h"

#include <cstdio>
#include <cstring>

namespace ipjit::tier2 {

namespace {

constexpr uint64_t kEntryMagic = 0x3163'7432'6a70'6900;  ///< "\0ipj2tc1"

uint64_t load64(const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

uint32_t load32(const uint8_t* at) {
  uint32_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

template <class T>
void append(Bytes& to, T word) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&word);
  to.insert(to.end(), bytes, bytes + sizeof word);
}

}  // namespace

// Eight bytes a step: multiply, fold the high half down, so that every input bit reaches the end.
uint64_t digest(std::span<const uint8_t> bytes, uint64_t seed) {
  constexpr uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;
  uint64_t hash = (seed ^ bytes.size()) * kOdd;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    hash = (hash ^ load64(bytes.data() + at)) * kOdd;
    hash ^= hash >> 32;
  }
  uint64_t rest = 0;
  if (at < bytes.size()) std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  hash = (hash ^ rest) * kOdd;
  hash ^= hash >> 29;
  hash *= kOdd;
  return hash ^ hash >> 32;
}

std::string entry_name(const CompileRequest& key) {
  const Bytes bytes = encode(key);
  char name[33];
  std::snprintf(name, sizeof name, "%016llx%016llx",
                static_cast<unsigned long long>(digest(bytes, 1)),
                static_cast<unsigned long long>(digest(bytes, 2)));
  return name;
}

Bytes encode_entry(const CompileRequest& key, const CompiledCode& code) {
  const Bytes request = encode(key), reply = encode(CompileReply(code));
  Bytes entry;
  append(entry, kEntryMagic);
  append(entry, uint64_t{0});
  append(entry, static_cast<uint32_t>(request.size()));
  append(entry, static_cast<uint32_t>(reply.size()));
  entry.insert(entry.end(), request.begin(), request.end());
  entry.insert(entry.end(), reply.begin(), reply.end());
  const uint64_t sum = digest(std::span(entry).subspan(16));
  std::memcpy(entry.data() + 8, &sum, sizeof sum);
  return entry;
}

std::optional<CacheEntry> decode_entry(std::span<const uint8_t> bytes) {
  if (bytes.size() < kEntryHeadBytes || load64(bytes.data()) != kEntryMagic) return std::nullopt;
  if (load64(bytes.data() + 8) != digest(bytes.subspan(16))) return std::nullopt;
  const uint64_t request_size = load32(bytes.data() + 16), reply_size = load32(bytes.data() + 20);
  if (kEntryHeadBytes + request_size + reply_size != bytes.size()) return std::nullopt;
  Result<CompileRequest> request =
      decode_request_frame(bytes.subspan(kEntryHeadBytes, request_size));
  if (!request) return std::nullopt;
  Result<CompileReply> reply =
      decode_reply_frame(bytes.subspan(kEntryHeadBytes + request_size, reply_size));
  if (!reply || !std::holds_alternative<CompiledCode>(*reply)) return std::nullopt;
  return CacheEntry{std::move(*request), std::move(std::get<CompiledCode>(*reply))};
}

}  // namespace ipjit::tier2
