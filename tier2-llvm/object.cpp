// SPDX-License-Identifier: BSD-2-Clause
// From object file to code.
//
//   .text                    the code; a table's address is 4 bytes to be filled in
//   R_X86_64_PC32 table3     lea rcx, [rip + table3]
//   R_X86_64_PLT32 thunk     jmp __x86_return_thunk      becomes    ret; int3; int3; int3; int3
//   symbol m12.7.3           mark number 3: block 12, source 7
//
// The five bytes of a return are the kernel's to rewrite, as tier 1 leaves them.
//
// Anything else (a constant pool, a jump table, a call of memcmp) would be a sign that LLVM was
// allowed too much; it is refused here by name, before the verifier would refuse it by offset.
#include "tier2-llvm/object.h"

#include <llvm/BinaryFormat/ELF.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/MemoryBufferRef.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "tier2-llvm/emitter.h"

namespace ipjit::tier2 {
namespace {

namespace object = llvm::object;

constexpr llvm::StringLiteral kReturnThunk = "__x86_return_thunk";
constexpr uint8_t kReturn[] = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};

Error refuse(const std::string& why) {
  return {Stage::kTier2, Code::kInternal, 0, "LLVM's object file " + why};
}

/// "m12.7.3"; "m12.-.3" where there is no source.
std::optional<ir::SourceMark> mark_of(llvm::StringRef name) {
  ir::SourceMark mark;
  if (!name.consume_front("m") || name.consumeInteger(10, mark.block) || !name.consume_front("."))
    return std::nullopt;
  if (!name.consume_front("-") && name.consumeInteger(10, mark.source)) return std::nullopt;
  return mark;
}

std::optional<uint32_t> table_of(llvm::StringRef name) {
  uint32_t table = 0;
  if (!name.consume_front("table") || name.getAsInteger(10, table)) return std::nullopt;
  return table;
}

class Reader {
 public:
  Reader(const object::ELFObjectFileBase& file, uint32_t tables) : file_(file), tables_(tables) {}

  Status run() {
    for (const object::ELFSectionRef section : file_.sections())
      if (Status s = read(section); !s) return s;
    if (out.code.empty()) return refuse("has no code");
    for (const object::ELFSymbolRef symbol : file_.symbols())
      if (Status s = read(symbol); !s) return s;
    std::stable_sort(out.marks.begin(), out.marks.end(),
                     [](const auto& a, const auto& b) { return a.offset < b.offset; });
    merge_marks();
    return ok();
  }

  ObjectCode out;

 private:
  Status read(const object::ELFSectionRef& section) {
    const uint64_t flags = section.getFlags();
    if ((flags & llvm::ELF::SHF_EXECINSTR) != 0 && section.getSize() != 0) {
      llvm::Expected<llvm::StringRef> bytes = section.getContents();
      if (!bytes) return refuse(llvm::toString(bytes.takeError()));
      if (!out.code.empty()) return refuse("has two sections of code");
      out.code.assign(bytes->bytes_begin(), bytes->bytes_end());
    } else if ((flags & llvm::ELF::SHF_ALLOC) != 0 && section.getSize() != 0) {
      llvm::Expected<llvm::StringRef> name = section.getName();
      if (!name) return refuse(llvm::toString(name.takeError()));
      return refuse("has data of its own in " + name->str());
    }
    for (const object::ELFRelocationRef relocation : section.relocations())
      if (Status s = read(relocation); !s) return s;
    return ok();
  }

  Status read(const object::ELFRelocationRef& relocation) {
    llvm::Expected<llvm::StringRef> name = relocation.getSymbol()->getName();
    llvm::Expected<int64_t> addend = relocation.getAddend();
    if (!name) return refuse(llvm::toString(name.takeError()));
    if (!addend) return refuse(llvm::toString(addend.takeError()));
    const uint64_t at = relocation.getOffset(), type = relocation.getType();
    if (at + 4 > out.code.size()) return refuse("refers to " + name->str() + " outside its code");
    if (*name == kReturnThunk && at > 0 && out.code[at - 1] == 0xe9) {
      std::copy(std::begin(kReturn), std::end(kReturn), out.code.begin() + (at - 1));
      return ok();
    }
    const std::optional<uint32_t> table = table_of(*name);
    if (!table || *table >= tables_ || type != llvm::ELF::R_X86_64_PC32)
      return refuse("refers to " + name->str());
    out.uses.push_back({static_cast<uint32_t>(at), *table, *addend});
    return ok();
  }

  Status read(const object::ELFSymbolRef& symbol) {
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    llvm::Expected<uint64_t> at = symbol.getAddress();
    if (!name) return refuse(llvm::toString(name.takeError()));
    if (!at) return refuse(llvm::toString(at.takeError()));
    std::optional<ir::SourceMark> mark = mark_of(*name);
    if (!mark) return ok();
    mark->offset = static_cast<uint32_t>(*at);
    out.marks.push_back(*mark);
    return ok();
  }

  /// Ascending offsets, each once, each saying something new.
  void merge_marks() {
    std::vector<ir::SourceMark> kept;
    for (const ir::SourceMark& mark : out.marks) {
      if (!kept.empty() && kept.back().offset == mark.offset) kept.pop_back();
      if (!kept.empty() && kept.back().block == mark.block && kept.back().source == mark.source)
        continue;
      kept.push_back(mark);
    }
    out.marks = std::move(kept);
  }

  const object::ELFObjectFileBase& file_;
  uint32_t tables_;
};

}  // namespace

std::string mark_symbol(const ir::SourceMark& mark, uint32_t number) {
  return "m" + std::to_string(mark.block) + "." +
         (mark.source == ir::kNoSource ? "-" : std::to_string(mark.source)) + "." +
         std::to_string(number);
}

Result<ObjectCode> read_object(std::span<const char> bytes, uint32_t tables) {
  const llvm::MemoryBufferRef buffer(llvm::StringRef(bytes.data(), bytes.size()), "filter");
  llvm::Expected<std::unique_ptr<object::ObjectFile>> file =
      object::ObjectFile::createELFObjectFile(buffer);
  if (!file) return refuse(llvm::toString(file.takeError()));
  Reader reader(llvm::cast<object::ELFObjectFileBase>(**file), tables);
  if (Status read = reader.run(); !read) return read.error();
  return std::move(reader.out);
}

}  // namespace ipjit::tier2
