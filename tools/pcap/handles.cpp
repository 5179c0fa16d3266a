// SPDX-License-Identifier: BSD-2-Clause
// A hash table from pcap_t* to Handle that readers walk without a lock.
//
// pcap_next_ex() looks its handle up once a packet, and pcap_breakloop() does so from signal
// handlers, so a reader must neither wait nor meet freed memory.  Records are therefore linked in
// once and never freed: closing a handle clears the record's key, and the next handle that falls
// into the same bucket takes it over.  There are as many records as handles were ever filtering at
// one time.
//
// A new filter replaces the old one under the feet of a loop that may be running (setfilter from a
// callback, or from another thread).  The old engine is kept until the next replacement or close:
// a packet that is in it is out of it long before.
#include "tools/pcap/handles.h"

#include <array>
#include <utility>

#include "runtime/lock.h"
#include "tools/pcap/real.h"

namespace ipjit::pcap {
namespace {

struct Record : Handle {
  Record* next = nullptr;
};

constexpr size_t kBuckets = 256;
std::array<std::atomic<Record*>, kBuckets> buckets;

std::atomic<Record*>& bucket_of(const pcap_t* pcap) {
  auto bits = reinterpret_cast<uintptr_t>(pcap);
  return buckets[(bits >> 4 ^ bits >> 12) % kBuckets];
}

Record* find(const pcap_t* wanted, const pcap_t* of) {
  Record* at = bucket_of(of).load(std::memory_order_acquire);
  while (at && at->pcap.load(std::memory_order_acquire) != wanted) at = at->next;
  return at;
}

using Engines = std::array<std::unique_ptr<Engine>, 2>;

/// Gives: the record's engines, to be freed without the lock: their filters take it.
Engines forget(Record& record) {
  record.engine = nullptr;
  record.next_packet = {};
  Engines engines = {std::move(record.owner), std::move(record.previous)};
  record.pcap.store(nullptr, std::memory_order_release);
  return engines;
}

}  // namespace

Handle* find_handle(const pcap_t* pcap) { return find(pcap, pcap); }

Handle* filtering_handle(const pcap_t* pcap) {
  Handle* handle = find_handle(pcap);
  return handle && handle->engine.load(std::memory_order_acquire) ? handle : nullptr;
}

Handle& make_handle(pcap_t* pcap) {
  const bool live = real().pcap_file(pcap) == nullptr;
  if (Record* known = find(pcap, pcap); known && known->live == live) return *known;
  Engines freed;
  std::lock_guard lock(runtime::runtime_lock());
  if (Record* known = find(pcap, pcap)) {
    if (known->live == live) return *known;
    freed =
        forget(*known);  // of a handle that was closed past us, by a function that dlsym() found
  }
  Record* record = find(nullptr, pcap);
  const bool is_new = !record;
  if (is_new) record = new Record;
  record->live = live;
  record->timeout_ms = 0;
  record->frames = {};
  record->break_pending = false;
  record->pcap.store(pcap, std::memory_order_release);
  if (is_new) {
    record->next = bucket_of(pcap).load(std::memory_order_relaxed);
    bucket_of(pcap).store(record, std::memory_order_release);
  }
  return *record;
}

void drop_handle(const pcap_t* pcap) {
  Engines freed;
  std::lock_guard lock(runtime::runtime_lock());
  if (Record* record = find(pcap, pcap)) freed = forget(*record);
}

void set_engine(Handle& handle, std::unique_ptr<Engine> engine) {
  std::lock_guard lock(runtime::runtime_lock());
  bool ours = engine && engine->runs_here();
  handle.engine.store(ours ? engine.get() : nullptr, std::memory_order_release);
  handle.owner.swap(engine);
  handle.previous.swap(engine);  // what was that before is freed without the lock, as in forget()
}

}  // namespace ipjit::pcap
