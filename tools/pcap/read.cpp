// SPDX-License-Identifier: BSD-2-Clause
// Filters in the callback, and comes out as if libpcap had filtered.
//
// Savefiles.  libpcap's loop counts what its filter accepts; ours accepts all, so it counts every
// packet.  To stop exactly behind the packet that completes `count`, ask for no more packets than
// are still wanted, again and again:
//
//   count 5:  ask for 5, 2 match;  ask for 3, 0 match;  ask for 3, 1 matches;  ask for 2 …
//
// A round can never overshoot, since at most all of its packets match, and nobody has to break
// the loop and clear up behind it.  What a round returns says how the whole read ends:
//   0   end of file: the number of matches so far.  libpcap would not have asked again at the end
//       of a file, but end of file is sticky in stdio: the second answer costs no system call.
//  -2   somebody called pcap_breakloop(), and the round cleared the flag.  libpcap clears it only
//  if
//       no packet has been delivered in this read; otherwise it returns the number and leaves the
//       flag for the next read, so we set it again.
//  -1   error: as it is.
//
// Live captures reach us only when the kernel refused the filter.  A round must not be repeated
// there (it would wait for packets where libpcap returns what it has), so one round takes what the
// ring holds, and the callback breaks it when the count is complete.  Linux' read functions answer
// a break with -2 and a cleared flag at the next packet, losing none; -2 is then the user's only if
// the user called pcap_breakloop() too.
//
// A callback may longjmp() out: what these frames hold needs no destructor.
#include "tools/pcap/read.h"

#include <climits>
#include <cstring>

#include "tools/pcap/real.h"

namespace ipjit::pcap {
namespace {

constexpr int kBroken = -2;  // PCAP_ERROR_BREAK

struct Round {
  Handle* handle;
  pcap_t* pcap;
  pcap_handler callback;
  u_char* user;
  int matched;
  int wanted;
  bool stopped;  // by us, because `wanted` are there
};

void filter_file_packet(u_char* opaque, const pcap_pkthdr* header, const u_char* data) {
  Round& round = *reinterpret_cast<Round*>(opaque);
  // Loaded for each packet: the callback may have set another filter, or one that libpcap runs.
  const Engine* engine = round.handle->engine.load(std::memory_order_acquire);
  if (engine && !engine->run(data, header->caplen, header->len)) return;
  round.matched++;
  round.callback(round.user, header, data);
}

int read_file(Handle& handle, pcap_t* pcap, int count, pcap_handler callback, u_char* user) {
  if (count <= 0) count = INT_MAX;
  Round round{&handle, pcap, callback, user, 0, count, false};
  while (round.matched < count) {
    int got = real().pcap_dispatch(pcap, count - round.matched, filter_file_packet,
                                   reinterpret_cast<u_char*>(&round));
    if (got == 0) break;
    if (got == kBroken && round.matched > 0) {
      real().pcap_breakloop(pcap);
      break;
    }
    if (got < 0) return got;
  }
  return round.matched;
}

void filter_live_packet(u_char* opaque, const pcap_pkthdr* header, const u_char* data) {
  Round& round = *reinterpret_cast<Round*>(opaque);
  const Engine* engine = round.handle->engine.load(std::memory_order_acquire);
  if (engine && !round.handle->frames.run(*engine, *header, data)) return;
  round.matched++;
  round.callback(round.user, header, data);
  if (round.matched == round.wanted) {
    round.stopped = true;
    real().pcap_breakloop(round.pcap);
  }
}

// The filter is in the kernel, or there is none.  Our callback stands in between all the same: the
// user's may set a filter that becomes ours in the middle of this read.
int read_live_through(Round& round, int count) {
  round.wanted = 0;
  int got = real().pcap_dispatch(round.pcap, count, filter_live_packet,
                                 reinterpret_cast<u_char*>(&round));
  if (got == kBroken) round.handle->break_pending = false;
  return got < 0 ? got : round.matched;
}

int read_live(Handle& handle, pcap_t* pcap, int count, pcap_handler callback, u_char* user) {
  Round round{&handle, pcap, callback, user, 0, count > 0 ? count : INT_MAX, false};
  if (!handle.engine.load(std::memory_order_acquire)) return read_live_through(round, count);
  for (;;) {
    int got = real().pcap_dispatch(pcap, -1, filter_live_packet, reinterpret_cast<u_char*>(&round));
    if (got == kBroken) {
      bool by_user = handle.break_pending.exchange(false);
      return round.stopped && !by_user ? round.matched : kBroken;
    }
    if (got <= 0) return got;
    // Without a timeout libpcap waits until some packet passes.
    bool waits = handle.frames.waits_without_timeout() && handle.timeout_ms == 0;
    if (round.matched > 0 || !waits) return round.matched;
  }
}

struct Oneshot {
  Handle* handle;
  pcap_pkthdr* header;
  const u_char* data;
};

void keep_packet(u_char* opaque, const pcap_pkthdr* header, const u_char* data) {
  Oneshot& kept = *reinterpret_cast<Oneshot*>(opaque);
  *kept.header = *header;
  kept.data = data;
  if (!kept.handle->live) return;
  if (kept.handle->next_packet.size() < header->caplen)
    kept.handle->next_packet.resize(header->caplen);
  std::memcpy(kept.handle->next_packet.data(), data, header->caplen);
  kept.data = kept.handle->next_packet.data();
}

}  // namespace

int read_packets(Handle& handle, pcap_t* pcap, int count, pcap_handler callback, u_char* user) {
  return handle.live ? read_live(handle, pcap, count, callback, user)
                     : read_file(handle, pcap, count, callback, user);
}

int loop_packets(Handle& handle, pcap_t* pcap, int count, pcap_handler callback, u_char* user) {
  for (;;) {
    int got = read_packets(handle, pcap, count, callback, user);
    if (got == 0 && handle.live) continue;
    if (got <= 0) return got;
    if (count <= 0) continue;
    count -= got;
    if (count <= 0) return 0;
  }
}

const u_char* next_packet(Handle& handle, pcap_t* pcap, pcap_pkthdr* header) {
  Oneshot kept{&handle, header, nullptr};
  if (read_packets(handle, pcap, 1, keep_packet, reinterpret_cast<u_char*>(&kept)) <= 0)
    return nullptr;
  return kept.data;
}

int next_packet_ex(Handle& handle, pcap_t* pcap, pcap_pkthdr** header, const u_char** data) {
  *header = &handle.next_header;
  Oneshot kept{&handle, &handle.next_header, nullptr};
  int got = read_packets(handle, pcap, 1, keep_packet, reinterpret_cast<u_char*>(&kept));
  if (got > 0) *data = kept.data;
  if (got == 0 && !handle.live) return kBroken;  // how pcap_next_ex() says "end of file"
  return got;
}

}  // namespace ipjit::pcap
