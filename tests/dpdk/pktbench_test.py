#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What ipjit-pktbench prints, refuses and leaves as JSON, and that the page of measurements takes it.

    pktbench_test.py PROGRAM SOURCE_DIRECTORY
"""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCE / "scripts"))
import measurements_dpdk  # noqa: E402  (from the directory above)
import measurements_line_rate  # noqa: E402


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=600)


class Pktbench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "out.json"
            cls.done = run("filters", "swap", "phase", "--filters", "cdg", "--smoke", "--json", str(path))
            if cls.done.returncode == 77:
                raise unittest.SkipTest(cls.done.stderr.strip())
            cls.json = json.loads(path.read_text())

    def test_ends_well_and_says_what_is_missing_in_single_lines(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout + self.done.stderr)
        for line in self.done.stderr.splitlines():
            self.assertTrue(line.startswith("ipjit-pktbench: missing: "), line)

    def test_matches_stand_side_by_side_and_agree_or_have_a_reason(self):
        for contest in self.json["filters"]["contests"]:
            names = [row["name"] for row in contest["engines"]]
            self.assertEqual(names[0], "forward only")
            self.assertIn("ipjit tier2 burst", names)
            counts = {row["matches"] for row in contest["engines"][1:] if row.get("agrees")}
            self.assertEqual(len(counts), 1, contest["name"])
            for row in contest["engines"][1:]:
                if "refusal" in row or row["agrees"]:
                    continue
                self.assertTrue(row["name"].startswith("rte_bpf"), row["name"])
                self.assertTrue(row["wrong"]["known_bugs"])
                self.assertNotEqual(row["wrong"]["got"], row["wrong"]["want"])
                self.assertRegex(row["wrong"]["hex"], "^[0-9a-f]{28,}")
                self.assertIn(row["wrong"]["hex"], self.done.stdout)

    def test_swaps_happen_and_nothing_is_wrong_or_lost(self):
        swap = self.json["swap"]
        self.assertGreater(swap["swaps"], 10)
        for side in (swap["with"], swap["without"]):
            self.assertEqual((side["wrong"], side["lost"], side["dropped"]), (0, 0, 0))
        self.assertGreater(swap["with"]["of_second_program"], 0)
        self.assertLess(swap["with"]["of_second_program"], swap["with"]["packets"])

    def test_the_phase_change_is_a_time_series(self):
        phase = self.json["phase"]
        self.assertEqual([m["what"] for m in phase["marks"]],
                         ["usual traffic", "rare traffic", "usual traffic again"])
        self.assertIn("ipjit tier2 burst", [s["name"] for s in phase["series"]])
        starts = [m["seconds"] for m in phase["marks"]]
        for series in phase["series"]:
            points = len(series["seconds"])
            for mark, end in zip(starts, starts[1:] + [float("inf")]):
                self.assertTrue(any(mark <= at < end for at in series["seconds"]), (mark, series))
            for key in ("mpps", "engine", "builds", "retreats"):
                self.assertEqual(len(series[key]), points)
            self.assertEqual(series["seconds"], sorted(series["seconds"]))

    def test_the_page_of_measurements_takes_it(self):
        parts = [*measurements_dpdk.SECTIONS, ("", ["pktbench"], measurements_line_rate.section)]
        text = "\n".join(line for _, _, lines in parts for line in lines(self.json))
        for wanted in ("tcp port 80", "replacements", "usual traffic again", "forward only", "148.8 Mpps"):
            self.assertIn(wanted, text)
        targets = [row for _, rows in measurements_dpdk.TARGETS for row in rows(self.json)]
        self.assertGreaterEqual(len(targets), 4)
        self.assertTrue(all(len(row) == 4 for row in targets))

    def agrees(self, done, described):
        """The run ended well, over the port that was asked for, and every packet came back."""
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(described, done.stdout)
        self.assertRegex(done.stdout, r"(?m)^  ipjit tier2 burst ")

    def test_a_capture_goes_round(self):
        """2,000 frames, each fourth of them to TCP port 80, as net_pcap replays them."""
        frames = []
        for number in range(2000):
            ip = struct.pack(">BBHHHBBHII", 0x45, 0, 46, number, 0, 64, 6, 0, 0x0a000001 + number, 0x0a000002)
            tcp = struct.pack(">HHIIHHHH", 1024 + number, 443 if number % 4 else 80, 0, 0, 0x5000, 0, 0, 0)
            frames.append(bytes(12) + b"\x08\x00" + ip + tcp + bytes(6))
        capture = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
        for frame in frames:
            capture += struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(capture)
            file.flush()
            self.agrees(run("filters", "--filters", "c", "--smoke", "--port", f"pcap:{file.name}"), "net_pcap")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip"),
                         "needs root and network namespaces")
    def test_a_pair_of_virtual_cards(self):
        lines = ["ip link add one type veth peer name two", "ip link set one up", "ip link set two up",
                 'exec "$0" filters --filters c --smoke --port af_packet:one,two']
        done = subprocess.run(["unshare", "-n", "sh", "-e", "-c", "\n".join(lines), PROGRAM],
                              capture_output=True, text=True, timeout=600)
        if "Operation not permitted" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.agrees(done, "net_af_packet")

    def test_refusals(self):
        for arguments, status, why in (
                (["--filters", "z"], 2, "filters are a to j"),
                (["rules"], 2, "--rules FILE"),
                (["--lcores", "64"], 2, "64 lcores"),
                (["--port", "serial"], 2, "is not ring"),
                (["--traffic", "20"], 2, "64 to 1518"),
                (["--traffic", "/nonexistent.pcap"], 1, "nonexistent"),
                (["swap", "--expression", "no such thing"], 1, "expression"),
                (["--port", "eal"], 77, "found no port"),
                (["--port", "af_packet:nosuch0,nosuch1"], 77, "must exist")):
            done = run(*arguments, "--smoke")
            self.assertEqual(done.returncode, status, (arguments, done.stderr))
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
