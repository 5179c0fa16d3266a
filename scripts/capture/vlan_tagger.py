#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A VLAN sub-interface for kernels built without 802.1Q: vlan_tagger.py PARENT NAME VID

Makes a tap device NAME; frames that the kernel sends there leave through PARENT with a tag, frames with
that tag that arrive on PARENT enter through NAME without it.  Both ends are still the kernel's own
TCP/IP.  Prints "ready" once NAME exists.
"""
import array
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
SO_ATTACH_FILTER = 26
# ld vlan_tag_present; jeq #0, drop; ret #262144; ret #0
ONLY_TAGGED = [(0x20, 0, 0, 0xFFFFF030), (0x15, 1, 0, 0), (0x06, 0, 0, 262144), (0x06, 0, 0, 0)]


def attach(sock, program):
    words = array.array("B", b"".join(struct.pack("=HBBI", *insn) for insn in program))
    address, _ = words.buffer_info()
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), address))


def tag_of(ancillary):
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            return struct.unpack_from("=IIIHHHH", data)[5]  # tp_vlan_tci
    return 0


def main():
    parent, name, vid = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    attach(wire, ONLY_TAGGED)
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.bind((parent, 3))
    print("ready", flush=True)
    while True:
        for ready in select.select([tap, wire], [], [])[0]:
            if ready == tap:
                frame = os.read(tap, 65536)
                try:
                    wire.send(frame[:12] + struct.pack(">HH", 0x8100, vid) + frame[12:])
                except OSError:
                    pass  # as a wire does: lost
            else:
                frame, ancillary, _, address = wire.recvmsg(65536, 256)
                if address[2] != PACKET_OUTGOING and tag_of(ancillary) & 0xFFF == vid:
                    os.write(tap, frame)


if __name__ == "__main__":
    main()
