# SPDX-License-Identifier: BSD-2-Clause
"""Live captures on a veth pair in a network namespace of their own: same packets as without ipjit.

A filter that the kernel accepts stays there.  One that is too long for it (libpcap warns and
interprets it in user land) is taken over, and must see VLAN tags, lengths and link headers as
libpcap's interpreter would have.
"""
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

import captures
import setting

LIVE_PROBE = os.environ["IPJIT_LIVE_PROBE"]
MARKER = "udp port 4791"
# Over 4,096 instructions when not optimised: more than the kernel takes.
LONG = " or ".join(f"host {captures.host(n)}" for n in range(160)) + f" or {MARKER}"
FILTERS = {
    "short": f"host {captures.host(30)} or {MARKER}",
    "long": LONG,
    "long with tags": f"{LONG} or vlan 7 or (vlan and tcp)",
}
WAYS = ["loop", "loop3", "dispatch", "dispatch1", "next_ex", "next", "nonblock"]


def in_own_network():
    """True inside the namespace; elsewhere starts this script again in one, if it may."""
    if os.environ.get("IPJIT_LIVE_NETWORK"):
        return True
    able = os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip") and \
        subprocess.run(["unshare", "-n", "true"], check=False).returncode == 0
    if able:
        os.environ["IPJIT_LIVE_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, __file__] + sys.argv[1:])
    return False


def traffic():
    """Frames of every kind, the marker last; some tagged so that the kernel takes the tag off."""
    frames = []
    for number in range(200):
        udp = struct.pack(">HHHH", 1000 + number, 53, 8 + 24, 0) + bytes([number]) * 24
        packet = captures.ipv4(captures.host(number % 7 * 30), "203.0.113.1", 17, udp)
        other = captures.ipv4("192.0.2.9", "203.0.113.1", 6, bytes(20 + number))
        tag = struct.pack(">HH", 7 if number % 3 else 9, 0x0800)
        frames += [captures.ethernet(packet), captures.ethernet(other),
                   captures.ethernet(tag + packet, 0x8100), captures.ethernet(tag + other, 0x8100),
                   captures.ethernet(tag[:2] + b"\x81\0" + tag + other, 0x88A8)]
    end = b"THE-END!" * 4
    udp = struct.pack(">HHHH", 1, 4791, 8 + len(end), 0) + end
    return frames + [captures.ethernet(captures.ipv4("192.0.2.1", "192.0.2.2", 17, udp))]


class Wire:
    """The pair: what is sent into "one" comes out of "two", all of it and in order.

    The kernel promises neither where it is busy: frames wait in a queue of the processor that sent
    them, so those of two processors overtake each other, and a full queue drops them.  So one
    processor sends, and each frame has come out before the next one leaves.
    """

    def __init__(self):
        every_protocol = 3
        self.sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sender.bind(("one", 0))
        self.witness = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(every_protocol))
        self.witness.bind(("two", every_protocol))

    def close(self):
        self.sender.close()
        self.witness.close()

    def wait_until_it_works(self):
        """The kernel switches an interface on some time after it was told to."""
        self.witness.settimeout(0.5)
        end = time.monotonic() + 120
        while True:
            self.sender.send(captures.ethernet(bytes(46)))
            try:
                return self.witness.recv(1)
            except TimeoutError:
                if time.monotonic() > end:
                    raise

    def send(self, frames):
        processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(processors)})
        self.witness.settimeout(60)
        try:
            for frame in frames:
                self.sender.send(frame)
                self.witness.recv(1)
        finally:
            os.sched_setaffinity(0, processors)


@unittest.skipUnless(os.environ.get("IPJIT_LIVE_NETWORK"), "needs root and network namespaces")
class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        no_ipv6 = "/proc/sys/net/ipv6/conf/default/disable_ipv6"  # it sends by itself
        if os.path.exists(no_ipv6):
            with open(no_ipv6, "w", encoding="ascii") as file:
                file.write("1")
        for line in ("link add one type veth peer name two", "link set lo up", "link set one up",
                     "link set two up"):
            subprocess.run(["ip", *line.split()], check=True)
        with contextlib.closing(Wire()) as wire:
            wire.wait_until_it_works()
        cls.directory = setting.scratch_directory()
        for name, text in FILTERS.items():
            with open(os.path.join(cls.directory, name), "w", encoding="ascii") as file:
                file.write(text)
        cls.frames = traffic()

    def send(self, frames):
        with contextlib.closing(Wire()) as wire:
            wire.send(frames)

    def capture(self, environment, interface, name, way, options):
        command = [LIVE_PROBE, interface, os.path.join(self.directory, name), way, *options]
        probe = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        out = b""
        while b"ready" not in out:
            line = probe.stdout.readline()
            if not line:
                self.fail(probe.stderr.read())
            out += line
        self.send(self.frames)
        try:
            rest, err = probe.communicate(timeout=120)
        finally:
            probe.kill()
        return out + rest, err

    def compare(self, interface, name, way, options=("100", "65535", "0")):
        bare, bare_err = self.capture(setting.BARE, interface, name, way, options)
        for label in ("preload", "drop-in"):
            with self.subTest(label=label, filter=name, way=way, options=options):
                ours, err = self.capture(setting.WAYS[label], interface, name, way, options)
                self.assertEqual(ours.decode(), bare.decode())
                self.assertEqual(err, bare_err)
        return bare.decode()

    def test_every_way(self):
        for name in FILTERS:
            place = "in the kernel" if name == "short" else "not in the kernel"
            for way in WAYS:
                self.assertIn(place, self.compare("two", name, way).split("\n"))

    def test_timeouts_and_rings(self):
        for timeout in ("0", "1"):
            for immediate in ("0", "1"):
                if timeout == "0" and immediate == "0":
                    continue  # the kernel holds a block until it is full: nothing would come
                for way in ("loop3", "dispatch", "next_ex"):
                    self.compare("two", "long with tags", way, (timeout, "2000", immediate))

    def test_snapped(self):
        # Just enough for the marker; longer packets, and tagged ones, are trimmed.
        for name in FILTERS:
            self.compare("two", name, "loop", ("100", "74", "0"))

    @unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
    def test_tcpdump_that_drops_root(self):
        """It opens the device as root, becomes another user, and sets the filter after that."""
        for name in FILTERS:
            bare = self.tcpdump(setting.BARE, name)
            for label in ("preload", "drop-in"):
                with self.subTest(label=label, filter=name):
                    self.assertEqual(self.tcpdump(setting.WAYS[label], name), bare)

    @unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
    def test_interrupt(self):
        """SIGINT while tcpdump waits for a packet: its handler calls pcap_breakloop()."""
        def interrupted(environment, name):
            process, err = self.start_tcpdump(environment, name)
            process.send_signal(signal.SIGINT)
            out, more = process.communicate(timeout=120)
            return process.returncode, out, err + more

        for name in FILTERS:
            bare = interrupted(setting.BARE, name)
            self.assertEqual(bare[0], 0)
            for label in ("preload", "drop-in"):
                with self.subTest(label=label, filter=name):
                    self.assertEqual(interrupted(setting.WAYS[label], name), bare)

    def start_tcpdump(self, environment, name):
        process = subprocess.Popen(
            ["tcpdump", "-n", "-t", "-e", "-O", "-Z", "nobody", "-B", "65536", "-i", "two", "-c",
             "201", "-F", os.path.join(self.directory, name)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        err = b""
        while b"listening" not in err:
            line = process.stderr.readline()
            if not line:
                self.fail(err)
            err += line
        return process, err

    def tcpdump(self, environment, name):
        process, err = self.start_tcpdump(environment, name)
        self.send(self.frames * 8)
        try:
            out, more = process.communicate(timeout=120)
        finally:
            process.kill()
        # The counts on stderr are of packets that arrived before tcpdump looked: a matter of luck.
        notices = [line for line in (err + more).split(b"\n") if setting.is_refusal(line)]
        return process.returncode, out, notices

    def test_cooked(self):
        for name in ("short", "long"):  # libpcap knows no tags on "any"
            for way in ("loop", "next_ex"):
                self.compare("any", name, way)


if __name__ == "__main__":
    in_own_network()
    unittest.main()
