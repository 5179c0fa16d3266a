# SPDX-License-Identifier: BSD-2-Clause
"""Runs the command under test, and makes the packets and captures that tests feed it."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys

IPJIT = os.environ["IPJIT"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests"))
from apart import own_shared_memory  # noqa: E402  (from the directory above)

own_shared_memory()
HAVE_TIER2 = bool(os.environ.get("HAVE_TIER2"))  # built with LLVM
CORPUS = SOURCE.parent / "shared" / "corpus"

# What a person's shell may have set must not change what the tests see.
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("IPJIT_")}

# A shell starts `make check &` with SIGINT ignored, which children inherit; the tests are about what
# signals do where nobody ignores them.
for number, handler in [(signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL),
                        (signal.SIGHUP, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL)]:
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)
signal.pthread_sigmask(signal.SIG_SETMASK, [])


def ipjit(*words, stdin=b"", env=None, **more):
    """Gives the finished process, with bytes in stdout and stderr."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    return subprocess.run([IPJIT, *map(str, words)], input=stdin, capture_output=True, timeout=120,
                          env={**CLEAN, **(env or {})}, check=False, **more)


def wait_for_tier2():
    """Until the compile server compiles.  Who asks it first starts it, and has ten seconds of patience:
    a machine that has much else to do, or reads LLVM from its disk for the first time, may need more."""
    for _ in range(12):
        done = ipjit("compile", "--engine", "tier2", "--emit", "bytes", "ip")
        if done.returncode == 0 or b" in time" not in done.stderr:
            return


def evaluate(engine, *cases):
    """Answers of `ipjit eval`, one for each case."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = ipjit("eval", "--engine", engine, stdin=lines)
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def tcp_packet(dport=80, sport=40000, payload=b""):
    """Ethernet, IPv4 and TCP between documentation addresses."""
    tcp = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, 0x18, 512, 0, 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0,
                     bytes([192, 0, 2, 1]), bytes([198, 51, 100, 2]))
    return bytes(6) + bytes([2, 0, 0, 0, 0, 1]) + b"\x08\x00" + ip + tcp


def pcap_file(packets, linktype=1, snaplen=65535, order="<"):
    """A pcap file, one packet a second."""
    parts = [struct.pack(order + "IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snaplen, linktype)]
    for i, packet in enumerate(packets):
        parts += [struct.pack(order + "IIII", i, 0, len(packet), len(packet)), packet]
    return b"".join(parts)


def pcapng_file(packets, linktype=1):
    """Section header, one interface, enhanced packet blocks."""
    def block(kind, body):
        size = 12 + len(body)
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    parts = [block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)),
             block(1, struct.pack("<HHI", linktype, 0, 65535))]
    for packet in packets:
        sizes = struct.pack("<IIIII", 0, 0, 0, len(packet), len(packet))
        parts.append(block(6, sizes + packet + bytes(-len(packet) % 4)))
    return b"".join(parts)
