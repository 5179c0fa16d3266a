// SPDX-License-Identifier: BSD-2-Clause
// Anonymous memory that is written, then executed, never both.
//
//   mmap(RW)  ->  copy, pad with int3  ->  mprotect(RX)  ...  mprotect(RW) or munmap
//
// A unit has pages of its own, so sealing one never makes another writable.  Anonymous, because a
// memfd or a file would need a place that is not noexec and that a confined process may open.
//
// Most units fit one page, and of the three system calls above and the page fault, mmap and the
// fault are half the price of publishing a small filter.  Some pages are therefore kept when
// their unit dies: writable again, not executable, so no dead code can be called.  The keep is an
// array of atomic pointers: no lock that a fork could leave held.
//
// Old programs die in batches (retired.h), and the system puts pages that were asked for one by one
// side by side.  So the pages of a batch are sorted, and a run of neighbours becomes writable by
// one call; the keep holds a batch, which the next 32 programs take in the same order.
//
// Where: in the same 4 GiB of addresses as its caller, if there is room.  A branch predictor keeps
// the low 32 bits of a target and takes the others from the call; a call into another 4 GiB costs
// three cycles more, each time (an empty program: 2.3 and 3.4 ns; how far it is does not matter).
// mmap() puts pages beside the libraries: right for a library's calls, wrong for a program's.
//
// Where in its page: an instruction cache finds its set by the place in a page.  If all units began
// with theirs, they would share the few sets behind that; sixteen small filters would push each
// other out of a cache that has room for sixty.  So each begins at the line where the one before
// ended.
//
// Hazards: PR_SET_MDWE, SELinux (execmem) and seccomp refuse the mprotect; the answer is an error
// that names the call, and the caller's slower engine runs.  Tested by tests/runtime/.
#include "runtime/code_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ipjit::runtime {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kPagesKept = 32;
constexpr size_t kLine = 64;
constexpr size_t kLinesOfPage = kPage / kLine;
constexpr uint8_t kInt3 = 0xcc;

constexpr uintptr_t kReach = uintptr_t{1} << 32;   // targets that a predictor tells apart
constexpr uintptr_t kBelow = uintptr_t{64} << 20;  // the caller: more than programs are long
// Above the caller, where below is no room.  Linux 6.9 and later begin a heap up to 1 GiB above its
// program; it grows.
constexpr uintptr_t kAbove = uintptr_t{5} << 29;
constexpr uintptr_t kRoom = uintptr_t{256} << 20;  // then from the beginning

std::array<std::atomic<uint8_t*>, kPagesKept> kept_pages;
std::atomic<uintptr_t> placed{0};  ///< bytes
std::atomic<size_t> lines_used{0};

bool is_near(const void* a, const void* b) {
  return reinterpret_cast<uintptr_t>(a) / kReach == reinterpret_cast<uintptr_t>(b) / kReach;
}

/// A place that is likely to be free; if it is not, the system takes another.
void* place_near(const void* caller, size_t bytes) {
  // Rounded, so that all callers of a program count from one place.
  const uintptr_t text = reinterpret_cast<uintptr_t>(caller) / kBelow * kBelow;
  const uintptr_t offset = placed.fetch_add(bytes, std::memory_order_relaxed) % kRoom;
  const bool below = text % kReach >= 2 * (kBelow + kRoom);
  const uintptr_t place = below ? text - kBelow - offset - bytes : text + kAbove + offset;
  return reinterpret_cast<void*>(place / kPage * kPage);
}

uint8_t* take_kept_page(const void* caller) {
  for (auto& kept : kept_pages) {
    uint8_t* page = kept.load(std::memory_order_relaxed);
    if (page && is_near(page, caller) && kept.compare_exchange_strong(page, nullptr)) return page;
  }
  // Pages that nobody nearby asks for would fill the keep for good: one of them goes.
  for (auto& kept : kept_pages) {
    uint8_t* far = kept.load(std::memory_order_relaxed) ? kept.exchange(nullptr) : nullptr;
    if (!far) continue;
    munmap(far, kPage);
    break;
  }
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

size_t room_to_keep() {
  return static_cast<size_t>(std::count_if(
      kept_pages.begin(), kept_pages.end(),
      [](const auto& kept) { return kept.load(std::memory_order_relaxed) == nullptr; }));
}

/// Neighbours by ascending address.
void discard_run(std::span<uint8_t* const> pages) {
  const bool writable = mprotect(pages.front(), pages.size() * kPage, PROT_READ | PROT_WRITE) == 0;
  for (uint8_t* page : pages)
    if (!writable || !keep_page(page)) munmap(page, kPage);
}

/// `pages` is sorted on return.
void discard_pages(std::span<uint8_t*> pages) {
  std::sort(pages.begin(), pages.end());
  const size_t kept = std::min(pages.size(), room_to_keep());
  for (uint8_t* page : pages.subspan(kept)) munmap(page, kPage);
  for (size_t first = 0, next; first < kept; first = next) {
    next = first + 1;
    while (next < kept && pages[next] == pages[next - 1] + kPage) ++next;
    discard_run(pages.subspan(first, next - first));
  }
}

/// Where in `mapped` bytes of pages a unit begins.
size_t first_byte_of(size_t unit, size_t mapped) {
  const size_t lines = (unit + kLine - 1) / kLine;
  const size_t places = mapped / kLine - lines + 1;
  return lines_used.fetch_add(lines, std::memory_order_relaxed) % kLinesOfPage % places * kLine;
}

/// A unit begins in the first of its pages.
uint8_t* pages_of(uint8_t* unit) { return unit - reinterpret_cast<uintptr_t>(unit) % kPage; }

thread_local CodeMemory::Together* dying_together = nullptr;

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
  if (!base_) return;
  uint8_t* pages = pages_of(base_);
  if (mapped_ != kPage)
    munmap(pages, mapped_);
  else if (!dying_together || !dying_together->take(pages))
    discard_pages({&pages, 1});
}

CodeMemory::Together::Together() : outer_(std::exchange(dying_together, this)) {}

CodeMemory::Together::~Together() {
  dying_together = outer_;
  discard_pages({pages_.data(), count_});
}

bool CodeMemory::Together::take(uint8_t* page) {
  if (count_ == kMost) return false;
  pages_[count_++] = page;
  return true;
}

ipjit_entry_fn InstalledCode::entry() const {
  return reinterpret_cast<ipjit_entry_fn>(reinterpret_cast<uintptr_t>(base_));
}

Result<InstalledCode> CodeMemory::seal(std::span<const uint8_t> unit, const verifier::Proof& proof,
                                       const void* caller) {
  IPJIT_CHECK(proof.covers(unit) && !unit.empty());
  const size_t mapped = (unit.size() + kPage - 1) / kPage * kPage;
  if (!caller) caller = reinterpret_cast<const void*>(&place_near);
  uint8_t* pages = mapped == kPage ? take_kept_page(caller) : nullptr;
  if (!pages) {
    void* fresh = mmap(place_near(caller, mapped), mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) return refused("mmap(PROT_READ|PROT_WRITE)", errno);
    pages = static_cast<uint8_t*>(fresh);
  }
  const size_t before = first_byte_of(unit.size(), mapped);
  uint8_t* const base = pages + before;
  std::memset(pages, kInt3, before);
  std::memcpy(base, unit.data(), unit.size());
  std::memset(base + unit.size(), kInt3, mapped - before - unit.size());
  if (mprotect(pages, mapped, PROT_READ | PROT_EXEC) != 0) {
    const int error = errno;
    munmap(pages, mapped);
    return refused("mprotect(PROT_READ|PROT_EXEC)", error);
  }
  return InstalledCode(base, unit.size(), mapped);
}

}  // namespace ipjit::runtime
