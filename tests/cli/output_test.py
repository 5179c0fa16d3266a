# SPDX-License-Identifier: BSD-2-Clause
"""Streams that cannot be written: without stdout a command fails, without stderr it does what it did.

What fits into stdio's buffer fails at the end only, so some outputs here are longer than that.
"""

import os
import pathlib
import subprocess
import tempfile
import unittest

from command import CLEAN, IPJIT, ipjit, pcap_file, tcp_packet

HOSTS = " or ".join(f"host 192.0.2.{i % 250} or host 198.51.100.{i % 250}" for i in range(300))
LONG = f"tcp and ({HOSTS})"
UNWRITABLE = ["/dev/full", "&-"]


class Output(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name) / "out.pcap"
        self.pcap = pathlib.Path(folder.name) / "in.pcap"
        self.pcap.write_bytes(pcap_file([tcp_packet()] * 10))

    def redirected(self, where, *words, program=IPJIT):
        return subprocess.run(["sh", "-c", f'exec "$0" "$@" {where}', program, *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, env=CLEAN,
                              check=False)

    def fails_without_stdout(self, *words):
        for place in UNWRITABLE:
            done = self.redirected(f">{place}", *words)
            self.assertEqual((done.returncode, done.stderr),
                             (1, b"ipjit: runtime: standard output cannot be written (kIo)\n"),
                             (place, words[:3]))

    def same_without_stderr(self, status, *words):
        for place in UNWRITABLE:
            done = self.redirected(f"2>{place}", *words)
            self.assertEqual(done.returncode, status, (place, words))

    def test_stdout_of_short_words(self):
        for words in [["stats"], ["stats", "--json"], ["top", "--delay", "0.05"], ["doctor"],
                      ["doctor", "--json"], ["status"], ["status", "--json"],
                      ["filter", "-r", self.pcap, "tcp"],
                      ["filter", "-r", self.pcap, "--count", "tcp"],
                      ["compile", "--emit", "bpf", "tcp"], ["--version"]]:
            self.fails_without_stdout(*words)

    def test_stdout_of_long_words(self):
        self.fails_without_stdout("filter", "-r", self.pcap, "--json", LONG)
        self.fails_without_stdout("compile", "--emit", "asm", LONG)

    def test_stdout_of_long_statistics(self):
        for _ in range(30):
            self.assertEqual(ipjit("filter", "-r", self.pcap, LONG).returncode, 0)
        for words in [["--json"], ["--all", "--why"]]:
            self.assertGreater(len(ipjit("stats", *words).stdout), 4096)
            self.fails_without_stdout("stats", *words)

    def test_stdout_of_the_other_programs(self):
        for program in filter(None, [os.environ.get("DAEMON"), os.environ.get("TIER2_PROGRAM")]):
            name = pathlib.Path(program).name.encode()
            for word in ["--help", "--version"]:
                done = self.redirected("", word, program=program)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertIn(name, done.stdout)
                for place in UNWRITABLE:
                    done = self.redirected(f">{place}", word, program=program)
                    self.assertEqual((done.returncode, done.stderr),
                                     (1, name + b": standard output cannot be written\n"), place)

    def test_no_file_takes_the_place_of_a_closed_stream(self):
        made = subprocess.run(
            ["sh", "-c", 'exec "$0" "$@" 2>&-', IPJIT, "filter", "--progress", "-r", "-", "-w", self.out, "tcp"],
            input=self.pcap.read_bytes(), stdout=subprocess.DEVNULL, timeout=120, env=CLEAN, check=False)
        self.assertEqual(made.returncode, 0)
        self.assertEqual(ipjit("filter", "-r", self.out, "--count", "tcp").stdout.strip(), b"10")

    def test_stderr_of_refusals(self):
        self.same_without_stderr(2, "bogus")
        self.same_without_stderr(1, "filter", "-r", self.out, "tcp")
        self.same_without_stderr(1, "exec", "--", "no-such-command")

    def test_stderr_of_remarks(self):
        self.same_without_stderr(0, "filter", "-r", self.pcap, "ip6 protochain 17")
        self.same_without_stderr(0, "filter", "--progress", "-r", self.pcap, "-w", self.out, "tcp")
        self.assertEqual(self.out.read_bytes(), self.pcap.read_bytes())

    @unittest.skipIf(os.environ.get("SANITIZED"), "a sanitizer's runtime cannot be preloaded")
    def test_stderr_of_a_report(self):
        self.same_without_stderr(37, "exec", "--report", "--", "sh", "-c", "exit 37")


if __name__ == "__main__":
    unittest.main()
