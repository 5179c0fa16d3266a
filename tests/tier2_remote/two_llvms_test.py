#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A process that has an LLVM of its own reaches tier 2 and lives: ours is in another process.

    two_llvms_test.py --library LIBIPJIT --dropin DIRECTORY --stats PROBE

For each libLLVM of this machine a child loads it with its symbols global and puts it to use; then
it filters through libipjit, another through libpcap's drop-in, until LLVM has compiled for it.  Two
copies in one process that see each other's symbols register each option twice and abort.
"""
import argparse
import ctypes
import glob
import os
import random
import subprocess
import sys
import time

SECONDS = 120  # a busy machine lets the builder wait
EXPRESSION = "tcp and dst port 80 and (tcp[tcpflags] & tcp-syn != 0) and not src net 10.0.0.0/8"


def packets(count=2048):
    """Frames of several kinds in no order, so that branches are guessed wrongly."""
    draw = random.Random(1)
    for _ in range(count):
        frame = bytearray(draw.randbytes(64))
        frame[12:14] = draw.choice((b"\x08\x00", b"\x08\x00", b"\x08\x00", b"\x86\xdd"))
        frame[14], frame[20:22], frame[23] = 0x45, b"\0\0", draw.choice((6, 6, 17))
        frame[36:38] = draw.choice((b"\0\x50", b"\x01\xbb"))
        yield bytes(frame)


class Packet(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("caplen", ctypes.c_uint32), ("len", ctypes.c_uint32)]


class Stats(ctypes.Structure):
    _fields_ = ([("size", ctypes.c_size_t), ("engine", ctypes.c_char * 16)] +
                [(name, ctypes.c_uint64) for name in
                 "packets matched swaps refusals code_bytes table_bytes compile_ns samples".split()] +
                [(name, ctypes.c_double) for name in "ns replaced_ns saved".split()] +
                [(name, ctypes.c_uint64) for name in
                 "tier changes builds tier_refusals retreats guard_failures heads".split()] +
                [("backend", ctypes.c_char * 16), ("why", ctypes.c_char * 1024)])


def use_llvm(path):
    """The foreign copy, with all that it registers when it is loaded, and an answer of it."""
    llvm = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    llvm.LLVMGetGlobalContext.restype = ctypes.c_void_p
    assert llvm.LLVMGetGlobalContext()


def one_llvm():
    loaded = {line.split()[-1] for line in open("/proc/self/maps") if "libLLVM" in line}
    assert len(loaded) == 1, loaded


def through_library(library):
    ipjit = ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
    ipjit.ipjit_compile_expression.restype = ctypes.c_void_p
    handle = ipjit.ipjit_compile_expression(EXPRESSION.encode(), None, None)
    assert handle
    one = ctypes.c_void_p(handle)
    frames = list(packets())
    bursts = [(Packet * 64)(*((f, len(f), len(f)) for f in frames[i:i + 64]))
              for i in range(0, len(frames), 64)]
    verdicts = (ctypes.c_uint32 * 64)()
    stats = Stats(size=ctypes.sizeof(Stats))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for _ in range(20):
            for burst in bursts:
                ipjit.ipjit_filter_run_burst(one, burst, 64, verdicts)
        assert ipjit.ipjit_filter_stats(one, ctypes.byref(stats)) == 0
        # Published, or raced and found no faster than tier 1's specialised code: compiled it was.
        if stats.tier == 2 and b"llvm's code" in stats.why:
            print(stats.packets, "packets,", stats.backend.decode(), "runs")
            return
    sys.exit(f"tier {stats.tier} after {SECONDS} s, {stats.packets} packets: {stats.why.decode()}")


class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint), ("insns", ctypes.c_void_p)]


class Header(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("micros", ctypes.c_long),
                ("caplen", ctypes.c_uint), ("len", ctypes.c_uint)]


def through_libpcap(probe):
    begun = time.time_ns()
    pcap = ctypes.CDLL("libpcap.so.0.8")  # the drop-in, by LD_LIBRARY_PATH
    pcap.pcap_open_dead.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(pcap.pcap_open_dead(1, 65535))
    program, header = Program(), Header(caplen=64, len=64)
    assert pcap.pcap_compile(handle, ctypes.byref(program), EXPRESSION.encode(), 1, 0) == 0
    frames = list(packets())
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for _ in range(20):
            for frame in frames:
                pcap.pcap_offline_filter(ctypes.byref(program), ctypes.byref(header), frame)
        records = subprocess.run([probe, str(os.getpid()), str(begun)], capture_output=True, text=True, check=True)
        if records.stdout.startswith("tier2|"):
            print(records.stdout.strip())
            return
    sys.exit(f"not tier 2 after {SECONDS} s: {records.stdout}")


def main():
    parser = argparse.ArgumentParser()
    for option in ("--library", "--dropin", "--stats"):
        parser.add_argument(option, required=True)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        use_llvm(given.child[1])
        if given.child[0] == "library":
            through_library(given.library)
        else:
            through_libpcap(given.stats)
        one_llvm()
        return 0
    found = {os.path.realpath(path): path for path in
             sorted(glob.glob("/usr/lib/*/libLLVM*.so*"))}
    if not found:
        print("SKIP no libLLVM is installed")
        return 77
    failed = 0
    for llvm in sorted(found):
        for way in ("library", "libpcap"):
            environment = dict(os.environ)
            if way == "libpcap":
                environment["LD_LIBRARY_PATH"] = given.dropin
            child = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--child", way, llvm],
                                   env=environment, capture_output=True, text=True, check=False)
            failed += child.returncode != 0
            print("FAIL" if child.returncode else "PASS", os.path.basename(llvm), "and", way + ":",
                  child.returncode, child.stdout.strip(), child.stderr.strip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
