// SPDX-License-Identifier: BSD-2-Clause
// What we remember of a pcap_t: its filter, if we run it.
#pragma once

#include <pcap/pcap.h>

#include <atomic>
#include <memory>
#include <vector>

#include "tools/pcap/engine.h"
#include "tools/pcap/frame.h"

namespace ipjit::pcap {

struct Handle {
  std::atomic<pcap_t*> pcap{nullptr};      ///< whose; null: free for the next handle
  std::atomic<Engine*> engine{nullptr};    ///< null: libpcap filters for itself
  std::unique_ptr<Engine> owner;           ///< keeps `engine`
  std::unique_ptr<Engine> previous;        ///< the filter before, while a packet may still be in it
  bool live = false;                       ///< not a savefile
  int timeout_ms = 0;                      ///< as given to pcap_set_timeout()
  FrameLayout frames;                      ///< live: how the kernel lays packets into the ring
  std::atomic<bool> break_pending{false};  ///< live: pcap_breakloop() was called and not yet obeyed
  pcap_pkthdr next_header{};               ///< what pcap_next_ex() points its caller to
  std::vector<u_char> next_packet;         ///< live: the packet, when its ring frame is gone
};

/// The handle's record, or null.  Lock free, safe in signal handlers.
Handle* find_handle(const pcap_t* pcap);

/// The same for a handle whose filter we run; null: pass the call on.
Handle* filtering_handle(const pcap_t* pcap);

/// Finds or makes the record.  Cost: a lock where it makes one.
Handle& make_handle(pcap_t* pcap);

/// Forgets a handle that is about to be closed.
void drop_handle(const pcap_t* pcap);

/// Makes `engine` (null or a bystander: libpcap) the filter from the next packet on.
/// A callback may do this while its own packet is being handled.
void set_engine(Handle& handle, std::unique_ptr<Engine> engine);

}  // namespace ipjit::pcap
