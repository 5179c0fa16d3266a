# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit profile`, and what `compile` and `graph` make of it."""

import json
import pathlib
import re
import shutil
import tempfile
import unittest

from command import HAVE_TIER2, ipjit, pcap_file, tcp_packet, wait_for_tier2

WEB = "tcp port 80"
NO_TIER2 = {"IPJIT_TIER2": "off"}
ARP = bytes(12) + b"\x08\x06" + bytes(46)


def traffic():
    """TCP of changing ports, a third of it to port 80, and some ARP."""
    packets = []
    for i in range(900):
        packets.append(tcp_packet(dport=80 if i * i % 7 in (1, 2) else 1024 + i % 13))
        if i % 30 == 0:
            packets.append(ARP)
    return packets


class Special(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.capture = cls.folder / "web.pcap"
        cls.capture.write_bytes(pcap_file(traffic()))
        cls.profile = cls.folder / "web.profile"
        done = ipjit("profile", "-r", cls.capture, "-o", cls.profile, WEB)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), done

    def out(self, *words, **more):
        done = ipjit(*words, **more)
        self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        return done.stdout.decode()

    def refused(self, start, *words, **more):
        done = ipjit(*words, **more)
        self.assertEqual(done.returncode, 1, done)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(f"ipjit: {start}"), lines)
        return done.stdout.decode(), lines[0]


class Profile(Special):
    def test_counts_are_the_captures(self):
        text = self.profile.read_text()
        packets = traffic()
        self.assertIn(f"packets {len(packets)} discarded 0 ", text)
        arp = packets.count(ARP)
        self.assertIn(f"value 0 total {len(packets)} discarded 0 {{0x800 = {len(packets) - arp}, "
                      f"0x806 = {arp}}}", text)
        self.assertEqual(self.out("profile", "-r", self.capture, WEB), text)
        self.assertEqual(self.out("profile", "-r", "-", WEB, stdin=self.capture.read_bytes()), text)

    def test_json(self):
        report = json.loads(self.out("profile", "-r", self.capture, "--json", WEB))
        self.assertEqual(report["profile"], self.profile.read_text())
        self.assertEqual((report["filter"], report["packets"]), (WEB, len(traffic())))

    def test_some_of_the_packets(self):
        self.assertIn("\npackets 10 ", self.out("profile", "-r", self.capture, "-c", "10", WEB))

    def test_matches_are_those_of_filter(self):
        matched = self.out("filter", "-r", self.capture, "--count", WEB).strip()
        self.assertIn(f" matched {matched}\n", self.profile.read_text())

    def test_refusals(self):
        self.refused("capture: ", "profile", "-r", "/nowhere", WEB)
        self.refused("expression: ", "profile", "-r", self.capture, "tcp prot 80")
        self.refused("frontend: ", "profile", "-r", self.capture, "ip6 protochain 6")


class CompileForTraffic(Special):
    def test_file_and_capture_say_the_same(self):
        words = ["compile", "--emit", "ir", "--engine", "tier1", WEB]
        text = self.out(*words, "-r", self.capture)
        self.assertEqual(self.out(*words, "--profile", self.profile), text)
        self.assertRegex(text, r"^; specialised for 930 packets, \d+\.\d % of them match\n"
                               r"; expected \d+\.\d ns a packet, the general program \d+\.\d\n;   ")
        self.assertNotEqual(text, self.out(*words))

    def test_a_pass_can_be_left_out(self):
        words = ["compile", "--emit", "ir", "--json", "--profile", self.profile, WEB]
        log = json.loads(self.out(*words))["specialised"]["log"]
        self.assertTrue(any(line.startswith("layout: ") for line in log), log)
        log = json.loads(self.out(*words, "--without", "layout,if_convert"))["specialised"]["log"]
        self.assertFalse(any(re.match("layout|if.convert", line) for line in log), log)

    def test_passes_end_with_their_word(self):
        words = ["-r", self.capture, "--without", "layout,guards", "--without", "if_convert"]
        for command in ["compile", "graph"]:
            self.assertEqual(self.out(command, *words, *WEB.split()),
                             self.out(command, WEB, *words))

    def test_hot_and_cold_bytes_are_the_code(self):
        unit = json.loads(self.out("compile", "--json", "-r", self.capture, WEB))
        special = unit["specialised"]
        self.assertEqual(special["hot_bytes"] + special["cold_bytes"], unit["code_len"])
        self.assertGreater(special["hot_bytes"], 0)
        self.assertGreater(special["cold_bytes"], 0)  # IPv6: there is none

    def test_tests_that_only_the_specialised_program_has_are_known(self):
        # TCP and the first fragment in one: a test that the profile of the general program lacks.
        drawn = self.out("graph", "-r", self.capture, WEB)
        share = re.search(r'b1 -> b2 \[label=" yes (\d+\.\d) %', drawn)
        self.assertIsNotNone(share, drawn)
        self.assertGreater(float(share[1]), 90)

    def test_profile_of_another_filter(self):
        _, why = self.refused(f"ir: {self.profile}: the profile is of another program than 'not tcp': ",
                              "compile", "--profile", self.profile, "not", "tcp")
        self.assertNotIn("block", why)
        for part in ["link type", "--snaplen", "-O", "`ipjit profile`"]:
            self.assertIn(part, why)
        soup = self.folder / "soup"
        soup.write_text("soup\n")
        self.refused(f"ir: {soup}: ", "compile", "--profile", soup, WEB)
        self.refused("runtime: /nowhere", "compile", "--profile", "/nowhere", WEB)

    def test_tier2_without_its_program_is_an_error(self):
        for emit in ["asm", "llvm"]:
            out, why = self.refused("tier2: ", "compile", "--engine", "tier2", "--emit", emit, WEB,
                                    env=NO_TIER2)
            self.assertEqual(out, "")
            self.assertIn("kUnavailable", why)
        # What is made before LLVM can be seen all the same.
        self.out("compile", "--engine", "tier2", "--emit", "ir", WEB, env=NO_TIER2)


@unittest.skipUnless(HAVE_TIER2, "built without LLVM: there is no ipjit-tier2")
class Tier2(Special):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        wait_for_tier2()

    def test_code_is_verified_and_says_what_was_done(self):
        text = self.out("compile", "--engine", "tier2", "-r", self.capture, WEB)
        lines = text.splitlines()
        self.assertRegex(lines[0], r"^; tcp port 80: tier2 for .* verified, \d+ instructions$")
        self.assertRegex(lines[1], r"^; specialised for 930 packets, .* bytes hot, \d+ cold$")
        self.assertRegex(text, r"\n; tier2: (compiled in \d|from the cache)")
        self.assertIn("\nb0:\n", text)
        self.assertRegex(text, r"; \(000\) +ldh")

    def test_bytes_pass_ipjit_verify(self):
        unit = self.folder / "unit.json"
        hosts = " or ".join(f"host 192.0.2.{i}" for i in range(1, 60))
        for words in [[WEB, "--profile", self.profile], [hosts], [""]]:
            unit.write_text(self.out("compile", "--engine", "tier2", "--emit", "bytes", "--json",
                                     *words))
            self.assertIn("accepted", self.out("verify", unit, "--contract", unit))

    def test_raw_bytes_are_all_code(self):
        raw, contract = self.folder / "filter.bin", self.folder / "contract.json"
        contract.write_text('{"bases":1,"max_len":65535}')
        self.out("compile", "--engine", "tier2", "--target", "x86-64-v1", "--emit", "bytes", "-o", raw,
                 "ip6")
        self.assertIn("accepted", self.out("verify", raw, "--contract", contract))

    def test_llvm_text(self):
        words = ["compile", "--engine", "tier2", "--emit", "llvm", "--target", "x86-64-v3", WEB]
        text = self.out(*words)
        self.assertIn("\ndefine ", text)
        self.assertIn('"target-cpu"="x86-64-v3"', text)
        self.assertEqual(json.loads(self.out(*words, "--json"))["llvm"],
                         text[text.index("; ModuleID"):])


class Graph(Special):
    def test_text(self):
        text = self.out("graph", WEB)
        self.assertTrue(text.startswith("digraph "), text)
        self.assertIn("0x86dd", text)
        self.assertNotIn("930 packets", text)
        hot = self.out("graph", "-r", self.capture, WEB)
        self.assertIn("930 packets", hot)
        self.assertIn("layout: ", hot)
        general = self.out("graph", "--general", "--profile", self.profile, WEB)
        self.assertIn("930 packets", general)
        self.assertNotIn("layout: ", general)

    def test_without_graphviz_the_text_is_printed(self):
        picture = self.folder / "none.svg"
        out, why = self.refused("runtime: dot cannot be run", "graph", "-o", picture, WEB,
                                env={"PATH": "/nonexistent"})
        self.assertEqual(out, self.out("graph", WEB))
        self.assertIn("apt install graphviz", why)
        self.assertFalse(picture.exists())

    @unittest.skipUnless(shutil.which("dot"), "Graphviz is not installed")
    def test_pictures(self):
        for name, head in [("a.svg", b"<?xml"), ("a.png", b"\x89PNG"), ("a.dot", b"digraph ")]:
            path = self.folder / name
            self.assertEqual(self.out("graph", "-r", self.capture, "-o", path, WEB), "")
            self.assertEqual(path.read_bytes()[:len(head)], head)
        self.assertTrue(self.out("graph", "--format", "svg", "ip").startswith("<?xml"))


if __name__ == "__main__":
    unittest.main()
