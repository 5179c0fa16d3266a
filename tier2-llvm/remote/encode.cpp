// SPDX-License-Identifier: BSD-2-Clause
// Writing what message.h lays out.  Every number goes out byte by byte, so the layout depends on no
// struct of ours; the contract is taken apart by name, so that a new field stops the build here.
#include <string_view>

#include "ipjit/printable.h"
#include "tier2-llvm/remote/message.h"

namespace ipjit::tier2 {

namespace {

class Writer {
 public:
  explicit Writer(Kind kind) {
    u32(kMagic);
    u16(kProtocol);
    u16(static_cast<uint16_t>(kind));
    u32(0);  // the size, known at the end
    u32(0);
  }

  void u16(uint16_t value) { number(value, 2); }
  void u32(uint32_t value) { number(value, 4); }
  void u64(uint64_t value) { number(value, 8); }

  void text(std::string_view text, uint16_t most) {
    IPJIT_CHECK(text.size() <= most);
    u16(static_cast<uint16_t>(text.size()));
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }

  void long_text(std::span<const uint8_t> text, uint32_t most) {
    IPJIT_CHECK(text.size() <= most);
    u32(static_cast<uint32_t>(text.size()));
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }

  Bytes finish() && {
    const size_t size = bytes_.size() - kFrameBytes;
    IPJIT_CHECK(size <= kMaxBody);
    for (int i = 0; i < 4; ++i) bytes_[8 + i] = static_cast<uint8_t>(size >> 8 * i);
    return std::move(bytes_);
  }

 private:
  void number(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<uint8_t>(value >> 8 * i));
  }

  Bytes bytes_;
};

void write(Writer& out, const ipjit_contract& contract) {
  const auto& [abi, isa, bases, stack_bytes, max_len, max_th_len, fields, exits, resumes, actions,
               counters, nr_tables, pad, table] = contract;
  IPJIT_CHECK(nr_tables <= IPJIT_MAX_TABLES && pad == 0);
  for (uint32_t word : {abi, isa, bases, stack_bytes}) out.u32(word);
  for (uint64_t word : {max_len, max_th_len, fields}) out.u64(word);
  for (uint32_t word : {exits, resumes, actions, counters, nr_tables}) out.u32(word);
  for (uint32_t i = 0; i < nr_tables; ++i) {
    const auto& [place, at, size] = table[i];
    out.u32(place);
    out.u32(at);
    out.u64(size);
  }
}

Bytes encode_code(const CompiledCode& reply) {
  const auto& [bytes, code_len, contract, marks] = reply.code;
  Writer out(Kind::kCode);
  out.u32(reply.cached ? 1 : 0);
  out.u32(reply.compile_us);
  out.u32(code_len);
  out.long_text(bytes, kMaxUnitBytes);
  write(out, contract);
  IPJIT_CHECK(marks.size() <= kMaxMarks);
  out.u32(static_cast<uint32_t>(marks.size()));
  for (const auto& [offset, block, source] : marks)
    for (uint32_t word : {offset, block, source}) out.u32(word);
  return std::move(out).finish();
}

Bytes encode_error(const Error& error) {
  Writer out(Kind::kError);
  out.u16(static_cast<uint16_t>(error.stage));
  out.u16(static_cast<uint16_t>(error.code));
  out.u64(error.at);
  // The other side shows it on a terminal, and refuses what is not for one.
  out.text(printable(error.why.substr(0, kMaxWhy)), kMaxWhy);
  return std::move(out).finish();
}

}  // namespace

Bytes encode(const CompileRequest& request) {
  Writer out(Kind::kRequest);
  out.u32(request.cpu_ms);
  out.u32(request.mib);
  out.text(request.version, kMaxName);
  out.text(request.target, kMaxName);
  out.long_text({reinterpret_cast<const uint8_t*>(request.program.data()), request.program.size()},
                kMaxProgramText);
  return std::move(out).finish();
}

Bytes encode(const CompileReply& reply) {
  const CompiledCode* code = std::get_if<CompiledCode>(&reply);
  return code ? encode_code(*code) : encode_error(std::get<Error>(reply));
}

}  // namespace ipjit::tier2
