// SPDX-License-Identifier: BSD-2-Clause
// Reading what message.h lays out, from whoever sent it.
//
// Reader keeps two promises: it never reads behind the body, and after the first field that does
// not fit it gives zeros and remembers where that was.  So a decoder is a straight list of fields
// with one question at the end, and no count is believed before the bytes that it counts are known
// to be there: an allocation is never larger than the body.
#include "ipjit/printable.h"
#include "tier2-llvm/remote/message.h"

namespace ipjit::tier2 {

namespace {

constexpr uint32_t kStages = 0
#define IPJIT_STAGE(name, text) +1
#define IPJIT_CODE(name)
#include "ipjit/errors.def"
#undef IPJIT_STAGE
#undef IPJIT_CODE
    ;
constexpr uint32_t kCodes = 0
#define IPJIT_STAGE(name, text)
#define IPJIT_CODE(name) +1
#include "ipjit/errors.def"
#undef IPJIT_STAGE
#undef IPJIT_CODE
    ;

Error malformed(size_t at, const std::string& why) {
  return Error{Stage::kTier2, Code::kBadInput, at, "a message of the compile server: " + why};
}

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> body) : body_(body) {}

  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }

  std::span<const uint8_t> run(size_t size, size_t most, const char* what) {
    if (size > most) refuse(std::string(what) + " is " + std::to_string(size) + " bytes long");
    return take(size);
  }
  std::string text(size_t most, const char* what) { return string(run(u16(), most, what)); }
  std::string long_text(size_t most, const char* what) { return string(run(u32(), most, what)); }

  /// A count of things of `bytes` each, all of which are there.
  uint32_t count(uint32_t most, size_t bytes, const char* what) {
    const uint32_t count = u32();
    if (count > most || count * bytes > body_.size() - at_)
      refuse(std::to_string(count) + " " + what);
    return refused_ ? 0 : count;
  }

  void require(bool holds, const char* why) {
    if (!holds) refuse(why);
  }

  /// Everything was there and nothing is behind it; the reason why not.
  Status finish() {
    if (!refused_ && at_ != body_.size()) refuse("bytes behind its end");
    if (refused_) return malformed(refused_at_, why_);
    return ok();
  }

 private:
  static std::string string(std::span<const uint8_t> bytes) {
    return std::string(bytes.begin(), bytes.end());
  }

  std::span<const uint8_t> take(size_t size) {
    if (!refused_ && size > body_.size() - at_) refuse("it ends early");
    if (refused_) return {};
    at_ += size;
    return body_.subspan(at_ - size, size);
  }

  uint64_t number(size_t size) {
    uint64_t value = 0;
    int shift = 0;
    for (uint8_t byte : take(size)) {
      value |= uint64_t{byte} << shift;
      shift += 8;
    }
    return value;
  }

  void refuse(std::string why) {
    if (refused_) return;
    refused_ = true;
    refused_at_ = at_;
    why_ = std::move(why);
  }

  std::span<const uint8_t> body_;
  size_t at_ = 0;
  bool refused_ = false;
  size_t refused_at_ = 0;
  std::string why_;
};

ipjit_contract read_contract(Reader& in) {
  ipjit_contract contract = {};
  for (uint32_t* word : {&contract.abi, &contract.isa, &contract.bases, &contract.stack_bytes})
    *word = in.u32();
  for (uint64_t* word : {&contract.max_len, &contract.max_th_len, &contract.fields})
    *word = in.u64();
  for (uint32_t* word : {&contract.exits, &contract.resumes, &contract.actions, &contract.counters})
    *word = in.u32();
  contract.nr_tables = in.count(IPJIT_MAX_TABLES, 16, "tables");
  for (uint32_t i = 0; i < contract.nr_tables; ++i) {
    contract.table[i].place = in.u32();
    contract.table[i].at = in.u32();
    contract.table[i].size = in.u64();
  }
  return contract;
}

Result<CompileReply> decode_code(std::span<const uint8_t> body) {
  Reader in(body);
  CompiledCode reply;
  const uint32_t flags = in.u32();
  in.require(flags <= 1, "unknown flags");
  reply.cached = flags == 1;
  reply.compile_us = in.u32();
  reply.code.code_len = in.u32();
  const std::span<const uint8_t> unit = in.run(in.u32(), kMaxUnitBytes, "the unit");
  in.require(reply.code.code_len != 0 && reply.code.code_len <= unit.size() &&
                 reply.code.code_len <= IPJIT_MAX_CODE,
             "the length of the code");
  reply.code.bytes.assign(unit.begin(), unit.end());
  reply.code.contract = read_contract(in);
  in.require(reply.code.contract.abi == IPJIT_ABI_VERSION, "another native ABI");
  reply.code.marks.resize(in.count(kMaxMarks, 12, "marks"));
  uint32_t last = 0;
  for (ir::SourceMark& mark : reply.code.marks) {
    mark.offset = in.u32();
    mark.block = in.u32();
    mark.source = in.u32();
    in.require(mark.offset >= last && mark.offset <= reply.code.code_len, "a mark out of order");
    last = mark.offset;
  }
  if (Status finished = in.finish(); !finished) return finished.error();
  return CompileReply(std::move(reply));
}

Result<CompileReply> decode_error(std::span<const uint8_t> body) {
  Reader in(body);
  Error error;
  const uint16_t stage = in.u16(), code = in.u16();
  in.require(stage < kStages && code < kCodes, "an unknown error");
  error.at = in.u64();
  error.why = in.text(kMaxWhy, "a reason");
  if (Status finished = in.finish(); !finished) return finished.error();
  error.stage = static_cast<Stage>(stage);
  error.code = static_cast<Code>(code);
  // It may be printed on a terminal.
  in.require(error.why == printable(error.why), "a reason that cannot be printed");
  if (Status shown = in.finish(); !shown) return shown.error();
  return CompileReply(std::move(error));
}

/// The body, after its header was read and fits.
Result<std::span<const uint8_t>> body_of(std::span<const uint8_t> frame, Kind* kind) {
  if (frame.size() < kFrameBytes) return malformed(frame.size(), "it ends early");
  Result<FrameHeader> header = decode_header(frame.first<kFrameBytes>());
  if (!header) return header.error();
  if (header->size != frame.size() - kFrameBytes)
    return malformed(8, "its size is not that of the frame");
  *kind = header->kind;
  return frame.subspan(kFrameBytes);
}

}  // namespace

Result<FrameHeader> decode_header(std::span<const uint8_t, kFrameBytes> bytes) {
  Reader in(bytes);
  FrameHeader header;
  in.require(in.u32() == kMagic, "no magic");
  in.require(in.u16() == kProtocol, "another protocol");
  const uint16_t kind = in.u16();
  in.require(kind >= 1 && kind <= 3, "an unknown kind");
  header.size = in.u32();
  in.require(header.size <= kMaxBody, "too large");
  in.require(in.u32() == 0, "reserved bits");
  if (Status finished = in.finish(); !finished) return finished.error();
  header.kind = static_cast<Kind>(kind);
  return header;
}

Result<CompileRequest> decode_request(std::span<const uint8_t> body) {
  Reader in(body);
  CompileRequest request;
  request.cpu_ms = in.u32();
  request.mib = in.u32();
  request.version = in.text(kMaxName, "a version");
  request.target = in.text(kMaxName, "a target's name");
  request.program = in.long_text(kMaxProgramText, "a program");
  if (Status finished = in.finish(); !finished) return finished.error();
  return request;
}

Result<CompileReply> decode_reply(Kind kind, std::span<const uint8_t> body) {
  if (kind == Kind::kCode) return decode_code(body);
  if (kind == Kind::kError) return decode_error(body);
  return malformed(0, "a request where a reply was due");
}

Result<CompileRequest> decode_request_frame(std::span<const uint8_t> frame) {
  Kind kind = Kind::kError;
  Result<std::span<const uint8_t>> body = body_of(frame, &kind);
  if (!body) return body.error();
  if (kind != Kind::kRequest) return malformed(0, "a reply where a request was due");
  return decode_request(*body);
}

Result<CompileReply> decode_reply_frame(std::span<const uint8_t> frame) {
  Kind kind = Kind::kError;
  Result<std::span<const uint8_t>> body = body_of(frame, &kind);
  if (!body) return body.error();
  return decode_reply(kind, *body);
}

}  // namespace ipjit::tier2
