# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit filter` over captures, good and bad."""

import json
import os
import pathlib
import pty
import shutil
import struct
import subprocess
import tempfile
import unittest

from command import (CLEAN, HAVE_TIER2, IPJIT, ipjit, pcap_file, pcapng_file, tcp_packet,
                     wait_for_tier2)

PACKETS = [tcp_packet(dport=80 if i % 3 == 0 else 81, payload=bytes(i)) for i in range(1500)]
WEB = "tcp port 80"
MATCHES = 500


class Filter(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.pcap = self.file("in.pcap", pcap_file(PACKETS))
        self.out = self.folder / "out.pcap"

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def summary(self, *words, **more):
        done = ipjit("filter", "--json", *words, **more)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        return json.loads(done.stdout)

    def refused(self, stage, *words, status=1):
        done = ipjit("filter", *words)
        self.assertEqual(done.returncode, status, done)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(f"ipjit: {stage}: "), lines)
        return lines[0]

    def test_engines_agree(self):
        for engine in ["interp", "tier1", "libpcap"]:
            got = self.summary("-r", self.pcap, "--engine", engine, WEB)
            self.assertEqual((got["engine"], got["packets"], got["matched"]),
                             (engine, len(PACKETS), MATCHES))
            self.assertGreater(got["ns_per_packet"], 0)

    def test_engine_of_the_environment(self):
        for engine, runs in [("interp", "interp"), ("libpcap", "libpcap"), ("auto", "tier1")]:
            got = self.summary("-r", self.pcap, WEB, env={"IPJIT_ENGINE": engine})
            self.assertEqual((got["engine"], got["matched"]), (runs, MATCHES))
            got = self.summary("-r", self.pcap, "--engine", "tier1", WEB,
                               env={"IPJIT_ENGINE": engine})
            self.assertEqual(got["engine"], "tier1")
        done = ipjit("filter", "-r", self.pcap, WEB, env={"IPJIT_ENGINE": "soup"})
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"ipjit: usage: IPJIT_ENGINE is 'soup'", done.stderr)

    def test_summary_for_people(self):
        done = ipjit("filter", "-r", self.pcap, *WEB.split())
        self.assertRegex(done.stdout.decode(),
                         r"^500 of 1,500 packets match; tier1, [0-9.]+ ns a packet\n$")
        self.assertEqual(done.stderr, b"")

    def test_count(self):
        self.assertEqual(ipjit("filter", "-r", self.pcap, "--count", WEB).stdout, b"500\n")
        self.assertEqual(ipjit("filter", "-r", self.pcap, "--count").stdout, b"1500\n")

    def test_writes_what_matches(self):
        self.summary("-r", self.pcap, "-w", self.out, WEB)
        kept = [(i, p) for i, p in enumerate(PACKETS) if i % 3 == 0]
        expected = bytearray(pcap_file([p for _, p in kept]))
        at = 24
        for i, packet in kept:  # the time stamps of the packets kept
            expected[at:at + 4] = i.to_bytes(4, "little")
            at += 16 + len(packet)
        self.assertEqual(self.out.read_bytes(), bytes(expected))

    def test_writes_what_tcpdump_writes(self):
        theirs = self.folder / "tcpdump.pcap"
        try:
            done = subprocess.run(["tcpdump", "-r", self.pcap, "-w", theirs, WEB],
                                  capture_output=True, check=False)
        except FileNotFoundError:
            self.skipTest("tcpdump is not installed")
        if done.returncode:
            self.skipTest("tcpdump cannot work here: " + done.stderr.decode())
        self.summary("-r", self.pcap, "-w", self.out, WEB)
        self.assertEqual(self.out.read_bytes(), theirs.read_bytes())

    def test_pcapng_and_standard_streams(self):
        ng = self.file("in.pcapng", pcapng_file(PACKETS))
        self.assertEqual(self.summary("-r", ng, WEB)["matched"], MATCHES)
        done = ipjit("filter", "-r", "-", "-w", "-", WEB, stdin=self.pcap.read_bytes())
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"500 of 1,500", done.stderr)
        again = self.file("again.pcap", done.stdout)
        self.assertEqual(self.summary("-r", again)["matched"], MATCHES)

    def test_words_never_go_among_the_packets(self):
        for name in ["-", "/dev/stdout", self.out]:
            with open(self.out, "wb") as out:
                done = subprocess.run([IPJIT, "filter", "-r", self.pcap, "-w", name, WEB], stdout=out,
                                      stderr=subprocess.PIPE, env=CLEAN, check=True)
            self.assertIn(b"500 of 1,500", done.stderr)
            self.assertEqual(self.summary("-r", self.out)["packets"], MATCHES)

    def test_stops_after_enough_matches(self):
        got = self.summary("-r", self.pcap, "-c", "7", "-w", self.out, WEB)
        self.assertEqual((got["matched"], got["packets"]), (7, 19))
        self.assertEqual(self.summary("-r", self.out)["packets"], 7)

    def test_link_type_is_the_captures(self):
        raw = self.file("raw.pcap", pcap_file([p[14:] for p in PACKETS], linktype=101))
        self.assertEqual(self.summary("-r", raw, WEB)["matched"], MATCHES)

    def test_expressions_are_for_a_savefile(self):
        """As tcpdump -r has it: libpcap knows the file's byte order, and looks for the address families
        of other systems; there is no mask and no direction."""
        ip6, to_all = bytes([0x60]) + bytes(39), bytearray(tcp_packet()[14:])
        to_all[16:20] = b"\xff" * 4
        files = [(self.pcap, "ip broadcast", 0)]
        for order in "<>":
            packets = [struct.pack(order + "I", family) + bytes(packet)
                       for family, packet in [(2, to_all), (30, ip6), (30, ip6)]]
            file = self.file(f"null{ord(order)}", pcap_file(packets, linktype=0, order=order))
            hosts = " or ".join(f"host 2001:db8::{i}" for i in range(1, 20))
            files += [(file, "ip6", 2), (file, f"{hosts} or host ::", 2), (file, "ip broadcast", 1)]
        for file, expression, matches in files:
            with self.subTest(file=file.name, expression=expression):
                self.assertEqual(self.summary("-r", file, expression)["matched"], matches)
                done = ipjit("profile", "-r", file, "--json", expression)
                self.assertEqual(json.loads(done.stdout)["matched"], matches)
                for command in ["compile", "graph"]:
                    done = ipjit(command, "-r", file, expression, "--without", "layout")
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                if shutil.which("tcpdump"):
                    theirs = subprocess.run(["tcpdump", "-n", "-r", file, expression],
                                            capture_output=True, check=True)
                    self.assertEqual(len(theirs.stdout.splitlines()), matches)
        self.refused("expression", "-r", self.pcap, "inbound")
        for command in ["compile", "profile", "graph"]:
            self.assertEqual(ipjit(command, "-r", self.pcap, "inbound").returncode, 1)

    def test_backward_jumps_run_in_the_interpreter(self):
        done = ipjit("filter", "-r", self.pcap, "--json", "ip6 protochain 6")
        self.assertEqual(done.returncode, 0)
        got = json.loads(done.stdout)
        self.assertEqual((got["engine"], got["matched"]), ("interp", 0))
        self.assertIn("kBackwardJump", got["refusal"])
        self.assertIn(b"interp runs it", done.stderr)
        self.refused("frontend", "-r", self.pcap, "--engine", "tier1", "ip6 protochain 6")

    def test_bad_captures(self):
        whole = self.pcap.read_bytes()
        self.assertIn("/nowhere", self.refused("capture", "-r", "/nowhere", WEB))
        self.refused("capture", "-r", self.file("empty", b""), WEB)
        self.refused("capture", "-r", self.file("text", b"this is no capture at all"), WEB)
        self.refused("capture", "-r", self.file("head", whole[:20]), WEB)
        line = self.refused("capture", "-r", self.file("cut", whole[:-10]), "-w", self.out, WEB)
        self.assertIn("after 1499 packets", line)
        self.assertEqual(self.summary("-r", self.out)["packets"], MATCHES)
        self.refused("capture", "-r", self.folder, WEB)

    def test_bad_options(self):
        self.refused("usage", "-r", self.pcap, "-w", self.pcap, WEB, status=2)
        self.refused("usage", "-r", self.pcap, "-c", "0", WEB, status=2)
        self.refused("expression", "-r", self.pcap, "tcp prot 80")
        self.refused("capture", "-r", self.pcap, "-w", "/nowhere/x", WEB)
        self.refused("capture", "-r", self.pcap, "-w", "/dev/full", WEB)

    def test_a_bad_program_is_named(self):
        for text, place in [("soup\n", "(line 1, kSyntax)"), ("2\n6 0 0 1\n", "(line 2, kSyntax)"),
                            ("1\n6 0 1\n", "(line 2, kSyntax)"), ("", "(kEmpty)"),
                            ("99999999\n", "(kTooLong)")]:
            program = self.file("bad.ddd", text.encode())
            line = self.refused(f"frontend: {program}", "-r", self.pcap, "-f", program)
            self.assertTrue(line.endswith(place), line)

    def test_tier2_by_name(self):
        done = ipjit("filter", "-r", self.pcap, "--engine", "tier2", WEB,
                     env={"IPJIT_TIER2": "off"})
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertTrue(done.stderr.startswith(b"ipjit: tier2: "), done.stderr)
        if not HAVE_TIER2:
            self.skipTest("built without LLVM: there is no ipjit-tier2")
        wait_for_tier2()
        got = self.summary("-r", self.pcap, "--engine", "tier2", WEB)
        self.assertEqual((got["engine"], got["matched"]), ("tier2", MATCHES))

    def all_of(self, terminal):
        """What comes until the other end is closed, in however many pieces."""
        text = b""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # EIO: closed
                return text
            if not piece:
                return text
            text += piece

    def test_progress_only_for_terminals_or_when_asked(self):
        done = ipjit("filter", "-r", self.pcap, "--progress", WEB)
        self.assertIn(b"%", done.stderr)
        self.assertIn(b"500 of", done.stdout)
        ours, theirs = pty.openpty()
        with subprocess.Popen([IPJIT, "filter", "-r", self.pcap, WEB], stdout=subprocess.PIPE,
                              stderr=theirs, env=CLEAN) as child:
            os.close(theirs)
            shown = self.all_of(ours)
            child.stdout.read()
            self.assertEqual(child.wait(timeout=120), 0)
        os.close(ours)
        self.assertRegex(shown, rb"\[#* *\] +\d+ %")


if __name__ == "__main__":
    unittest.main()
