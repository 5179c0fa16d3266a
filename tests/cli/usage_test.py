# SPDX-License-Identifier: BSD-2-Clause
"""Exit statuses and one-line errors, which scripts rely on."""

import unittest

from command import ipjit

SUBCOMMANDS = ["filter", "exec", "stats", "top", "doctor", "compile", "profile", "graph", "verify",
               "eval", "enable", "disable", "status", "kernel", "budget"]


class Usage(unittest.TestCase):
    def refused(self, words, *parts):
        done = ipjit(*words)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, b"")
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith("ipjit: usage: "), lines)
        for part in parts:
            self.assertIn(part, lines[0])

    def test_misuse_is_one_line_and_status_2(self):
        self.refused([])
        self.refused(["frobnicate"], "frobnicate")
        self.refused(["--frobnicate"], "--frobnicate")
        self.refused(["stats", "--frobnicate"], "--frobnicate")
        self.refused(["eval"], "--engine")
        self.refused(["eval", "--engine", "magic"], "magic")
        self.refused(["filter", "ip"], "--read")
        self.refused(["exec"], "COMMAND")
        self.refused(["exec", "tcpdump", "-nr", "x", "ip"], "-nr", "put -- before the command")
        self.refused(["stats", "--json=x"], "--json = x")
        self.refused(["exec", "--report", "--"], "COMMAND")
        self.refused(["compile"], "EXPR")
        self.refused(["compile", "--emit", "soup", "ip"], "soup")
        self.refused(["compile", "--emit", "asm", "--engine", "interp", "ip"], "interpreter")
        self.refused(["compile", "--dlt", "SOUP", "ip"], "SOUP")
        self.refused(["compile", "-f", "/dev/null", "ip"], "-f")
        self.refused(["compile", "--without", "soup", "-r", "x", "ip"], "soup")
        self.refused(["compile", "--without", "layout", "ip"], "--without")
        self.refused(["compile", "--emit", "llvm", "ip"], "tier2")
        self.refused(["compile", "--engine", "tier2", "--no-optimize", "ip"], "--no-optimize")
        self.refused(["compile", "-r", "x", "--profile", "y", "ip"], "--profile")
        self.refused(["compile", "-c", "5", "ip"], "-c")
        self.refused(["profile", "ip"], "--read")
        self.refused(["graph"], "EXPR")
        self.refused(["graph", "--without", "guards", "ip"], "--without", "say -r or --profile")
        self.refused(["graph", "-o", "x.bmp", "ip"], "x.bmp")
        self.refused(["graph", "--format", "bmp", "ip"], "bmp")
        self.refused(["verify", "x"], "--contract")
        self.refused(["stats", "--all", "--pid", "1"], "--pid")
        self.refused(["top", "--sort", "soup"], "soup")
        for delay in ["0", "nan", "inf", "3601", "1s"]:
            self.refused(["top", "--delay", delay], "--delay", f"'{delay}'")
        self.refused(["top", "--once", "--count", "2"], "--count")

    def test_whole_numbers(self):
        for option, *words in [
                ("-c", "filter", "-r", "x", "ip", "-c"), ("-c", "profile", "-r", "x", "ip", "-c"),
                ("-c", "compile", "-r", "x", "ip", "-c"), ("--pid", "stats", "--pid"),
                ("--count", "top", "--count"), ("--snaplen", "compile", "ip", "--snaplen"),
                ("--from-kernel", "compile", "--from-kernel"), ("ID", "kernel", "evict"),
                ("--code-len", "verify", "x", "--contract", "x", "--code-len")]:
            for number in ["many", "0", "-1", "0x10", "1.5", "99999999999999999999"]:
                self.refused([*words, number], f"{option}: '{number}' is not a whole number from 1 to")
        self.refused(["stats", "--pid", "2147483648"], "'2147483648'", "to 2147483647")
        done = ipjit("compile", "--emit", "bpf", "--snaplen", "010", "ip")
        self.assertIn(b"#10\n", done.stdout)

    def test_later_capabilities_are_not_subcommands_yet(self):
        for name in ["trace", "nft"]:
            self.refused([name], name, "subcommand")

    def test_help_shows_examples(self):
        for words in [[]] + [[name] for name in SUBCOMMANDS]:
            done = ipjit(*words, "--help")
            self.assertEqual(done.returncode, 0, words)
            self.assertIn(b"Examples:", done.stdout, words)
            self.assertIn(b"ipjit " + (words[0].encode() if words else b"filter"), done.stdout)
            self.assertEqual(done.stderr, b"")

    def test_version(self):
        done = ipjit("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout.decode(), r"^ipjit \d+\.\d+\.\d+\n$")

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            import subprocess
            from command import IPJIT
            for words in [["compile", "--emit", "bpf", "ip"], ["--help"], ["stats", "--help"]]:
                done = subprocess.run([IPJIT, *words], stdout=full, stderr=subprocess.PIPE,
                                      check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn(b"ipjit: runtime: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
