# SPDX-License-Identifier: BSD-2-Clause
"""Writes the captures that the tests read: small ones of every shape, or one big one.

    captures.py DIRECTORY               small captures
    captures.py FILE --bytes 1000000000 one capture of that size; FILE.hosts holds a filter that
                                        matches four packets in a hundred
"""
import argparse
import os
import random
import struct

LOOPBACK, ETHERNET, RAW_IP, LINUX_SLL = 0, 1, 101, 113
AF_INET, DARWINS_AF_INET6 = 2, 30
MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D


def host(number):
    """The address of one of the hosts that filters ask for; 198.18.0.0/15 is for benchmarks."""
    return f"198.18.{number // 250}.{number % 250 + 1}"


def packed(address):
    return bytes(int(part) for part in address.split("."))


def ipv4(source, destination, protocol, payload):
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    return header + packed(source) + packed(destination) + payload


def ethernet(payload, ethertype=0x0800):
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2" + struct.pack(">H", ethertype) + payload


def random_packet(rng, match=0.3):
    """An Ethernet frame: IPv4 with TCP or UDP, sometimes VLAN, ARP or IPv6."""
    kind = rng.random()
    if kind < 0.05:
        return ethernet(bytes(28), 0x0806)
    if kind < 0.1:
        return ethernet(b"\x60\0\0\0\0\x08\x11\x40" + bytes(32) + bytes(8), 0x86DD)
    wanted = rng.random() < match
    source = host(rng.randrange(100)) if wanted else f"192.0.2.{rng.randrange(256)}"
    ports = struct.pack(">HH", rng.choice([80, 443, 53, 1024 + rng.randrange(60000)]), 80)
    size = rng.choices([18, 30, 500, 1460], [6, 4, 4, 1])[0]
    packet = ipv4(source, f"203.0.113.{rng.randrange(256)}", rng.choice([6, 17]),
                  ports + bytes(size))
    if kind < 0.2:
        return ethernet(struct.pack(">HH", rng.randrange(4096), 0x0800) + packet, 0x8100)
    return ethernet(packet)


def loopback(frames, order):
    """DLT_NULL as a BSD with this byte order writes it: an address family before IP."""
    families = {b"\x08\x00": AF_INET, b"\x86\xdd": DARWINS_AF_INET6}
    packets = [struct.pack(order + "I", families[f[12:14]]) + f[14:] for f in frames
               if f[12:14] in families]
    return pcap_header(link=LOOPBACK, order=order) + b"".join(
        pcap_record(i, p, order) for i, p in enumerate(packets))


def pcap_header(magic=MICRO, link=ETHERNET, order="<", snaplen=262144):
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)


def pcap_record(index, frame, order="<", cut=262144):
    kept = frame[:cut]
    return struct.pack(order + "IIII", 1_600_000_000 + index, index % 1000, len(kept),
                       len(frame)) + kept


def pcapng(frames, link=ETHERNET):
    """Section header, one interface, enhanced packet blocks."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", link, 0, 262144))
    for index, frame in enumerate(frames):
        out += block(6, struct.pack("<IIIII", 0, 0, index, len(frame), len(frame)) + frame)
    return out


def write_small(directory):
    rng = random.Random(1)
    frames = [random_packet(rng) for _ in range(300)]
    records = b"".join(pcap_record(i, f) for i, f in enumerate(frames))
    plain = pcap_header() + records
    captures = {
        "plain.pcap": plain,
        "cut-in-packet.pcap": plain[:len(plain) * 2 // 3],
        "cut-in-header.pcap": plain[:24 + 16 + len(frames[0]) + 7],
        "empty.pcap": pcap_header(),
        "nano.pcap": pcap_header(NANO) + records,
        "big-endian.pcap": pcap_header(order=">") +
        b"".join(pcap_record(i, f, ">") for i, f in enumerate(frames)),
        "snapped.pcap": pcap_header(snaplen=40) +
        b"".join(pcap_record(i, f, cut=30 if i % 3 else 40) for i, f in enumerate(frames)),
        "raw-ip.pcap": pcap_header(link=RAW_IP) +
        b"".join(pcap_record(i, f[14:]) for i, f in enumerate(frames)),
        "cooked.pcap": pcap_header(link=LINUX_SLL) + b"".join(
            pcap_record(i, b"\0\0\0\1\0\6\x02\0\0\0\0\1\0\0" + f[12:])
            for i, f in enumerate(frames)),
        "loopback.pcap": loopback(frames, "<"),
        "loopback-swapped.pcap": loopback(frames, ">"),
        "next-generation.pcapng": pcapng(frames),
        "next-generation-cut.pcapng": pcapng(frames)[:-9],
        "garbage-length.pcap": plain + struct.pack("<IIII", 1, 1, 0x7FFFFFFF, 60) + bytes(60),
    }
    os.makedirs(directory, exist_ok=True)
    for name, content in captures.items():
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)


def write_big(path, size):
    """A block of different packets, repeated; four in a hundred match FILE.hosts."""
    rng = random.Random(2)
    block, index = b"", 0
    pieces, length = [], 0
    while length < min(size, 40_000_000):
        pieces.append(pcap_record(index, random_packet(rng, match=0.045)))
        length += len(pieces[-1])
        index += 1
    block = b"".join(pieces)
    with open(path, "wb") as file:
        file.write(pcap_header())
        for _ in range(max(1, size // length)):
            file.write(block)
    with open(path + ".hosts", "w", encoding="ascii") as file:
        file.write(" or ".join(f"host {host(n)}" for n in range(100)) + "\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("where")
    arguments.add_argument("--bytes", type=int)
    given = arguments.parse_args()
    if given.bytes:
        write_big(given.where, given.bytes)
    else:
        write_small(given.where)


if __name__ == "__main__":
    main()
