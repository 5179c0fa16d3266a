// SPDX-License-Identifier: BSD-2-Clause
// Anonymous memory that is written, then executed, never both.
//
//   mmap(RW)  ->  copy, pad with int3  ->  mprotect(RX)  ...  mprotect(RW) or munmap
//
// A unit has pages of its own, so sealing one never makes another writable.  Anonymous, because a
// memfd or a file would need a place that is not noexec and that a confined process may open.
//
// Most units fit one page, and of the three system calls above and the page fault, mmap and the
// fault are half the price of publishing a small filter.  A few pages are therefore kept when
// their unit dies: writable again, not executable, so no dead code can be called.  The keep is an
// array of atomic pointers: no lock that a fork could leave held.
//
// Hazards: PR_SET_MDWE, SELinux (execmem) and seccomp refuse the mprotect; the answer is an error
// that names the call, and the caller's slower engine runs.  Tested by tests/runtime/.
#include "runtime/code_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ipjit::runtime {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kPagesKept = 16;
constexpr uint8_t kInt3 = 0xcc;

std::array<std::atomic<uint8_t*>, kPagesKept> kept_pages;

uint8_t* take_kept_page() {
  for (auto& kept : kept_pages)
    if (kept.load(std::memory_order_relaxed))
      if (uint8_t* page = kept.exchange(nullptr)) return page;
  return nullptr;
}

/// True if the page now belongs to the keep.
bool keep_page(uint8_t* page) {
  for (auto& kept : kept_pages) {
    uint8_t* empty = nullptr;
    if (kept.compare_exchange_strong(empty, page)) return true;
  }
  return false;
}

void discard(uint8_t* base, size_t mapped) {
  if (mapped == kPage && mprotect(base, kPage, PROT_READ | PROT_WRITE) == 0 && keep_page(base))
    return;
  munmap(base, mapped);
}

Error refused(const char* call, int error) {
  const bool forbidden = error == EACCES || error == EPERM;
  std::string why = std::string(call) + ": " + std::strerror(error);
  if (forbidden) why += " (SELinux, PR_SET_MDWE or a seccomp filter forbids executable memory)";
  return Error{Stage::kRuntime, forbidden ? Code::kRefused : Code::kNoMemory, 0, std::move(why)};
}

}  // namespace

InstalledCode::InstalledCode(InstalledCode&& from) noexcept
    : base_(std::exchange(from.base_, nullptr)), size_(from.size_), mapped_(from.mapped_) {}

InstalledCode& InstalledCode::operator=(InstalledCode&& from) noexcept {
  std::swap(base_, from.base_);
  std::swap(size_, from.size_);
  std::swap(mapped_, from.mapped_);
  return *this;
}

InstalledCode::~InstalledCode() {
  if (base_) discard(base_, mapped_);
}

ipjit_entry_fn InstalledCode::entry() const {
  return reinterpret_cast<ipjit_entry_fn>(reinterpret_cast<uintptr_t>(base_));
}

Result<InstalledCode> CodeMemory::seal(std::span<const uint8_t> unit,
                                       const verifier::Proof& proof) {
  IPJIT_CHECK(proof.covers(unit) && !unit.empty());
  const size_t mapped = (unit.size() + kPage - 1) / kPage * kPage;
  uint8_t* base = mapped == kPage ? take_kept_page() : nullptr;
  if (!base) {
    void* fresh = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) return refused("mmap(PROT_READ|PROT_WRITE)", errno);
    base = static_cast<uint8_t*>(fresh);
  }
  std::memcpy(base, unit.data(), unit.size());
  std::memset(base + unit.size(), kInt3, mapped - unit.size());
  if (mprotect(base, mapped, PROT_READ | PROT_EXEC) != 0) {
    const int error = errno;
    munmap(base, mapped);
    return refused("mprotect(PROT_READ|PROT_EXEC)", error);
  }
  return InstalledCode(base, unit.size(), mapped);
}

}  // namespace ipjit::runtime
