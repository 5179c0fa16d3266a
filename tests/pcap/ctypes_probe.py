# SPDX-License-Identifier: BSD-2-Clause
"""Reads a capture through ctypes: ctypes_probe.py FILE FILTER.  Knows nothing of ipjit."""
import ctypes
import sys
import zlib


class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint), ("insns", ctypes.c_void_p)]


class Header(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("micros", ctypes.c_long),
                ("caplen", ctypes.c_uint), ("len", ctypes.c_uint)]


HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(Header), ctypes.c_void_p)


def main():
    path, expression = (argument.encode() for argument in sys.argv[1:])
    pcap = ctypes.CDLL("libpcap.so.0.8")
    pcap.pcap_open_offline.restype = ctypes.c_void_p
    pcap.pcap_next.restype = ctypes.c_void_p
    why = ctypes.create_string_buffer(256)
    handle = ctypes.c_void_p(pcap.pcap_open_offline(path, why))
    program = Program()
    print("compile", pcap.pcap_compile(handle, ctypes.byref(program), expression, 1, 0))
    print("setfilter", pcap.pcap_setfilter(handle, ctypes.byref(program)))
    checksum, packets = 0, 0

    def on_packet(_, header, data):
        nonlocal checksum, packets
        packets += 1
        checksum = zlib.crc32(ctypes.string_at(data, header.contents.caplen), checksum)
        if packets == 7:
            pcap.pcap_breakloop(handle)

    handler = HANDLER(on_packet)
    for count in (3, 10, 5, -1):
        print("loop", count, pcap.pcap_loop(handle, count, handler, None), packets, checksum)
    header, data, verdicts = Header(), ctypes.create_string_buffer(60), 0
    header.caplen = header.len = 60
    for _ in range(2000):
        verdicts += pcap.pcap_offline_filter(ctypes.byref(program), ctypes.byref(header), data)
    print("offline", verdicts, bool(pcap.pcap_next(handle, ctypes.byref(header))))
    pcap.pcap_freecode(ctypes.byref(program))
    pcap.pcap_close(handle)


if __name__ == "__main__":
    main()
