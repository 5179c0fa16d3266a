// SPDX-License-Identifier: BSD-2-Clause
// What the setting of a network interface says about the packets of a capture.
//
//   longest_frame(fd, DLT_EN10MB)            1522: its MTU is 1500
//
// The MTU bounds what is sent, not what is received: cards hand up merged segments, a switch may
// send more.  So it is a promise that somebody has to watch, and Engine compares each packet's
// length before it runs anything that was made for it.  When the setting is raised, the first
// longer packet takes the promise back.
#pragma once

#include <cstdint>

namespace ipjit::pcap {

/// Bytes of the longest frame that the interface's MTU lets through, VLAN tags included.
/// Takes: a packet socket.
/// Gives: UINT32_MAX where the socket belongs to no one interface, or frames are of another kind.
uint32_t longest_frame(int fd, int dlt);

}  // namespace ipjit::pcap
