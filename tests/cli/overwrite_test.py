# SPDX-License-Identifier: BSD-2-Clause
"""No subcommand writes over what it reads, by whatever name."""

import os
import pathlib
import pty
import shutil
import socket
import subprocess
import tempfile
import unittest

from command import CLEAN, IPJIT, ipjit, pcap_file, tcp_packet

WEB = "tcp port 80"


class Overwrite(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.capture = self.folder / "web.pcap"
        self.capture.write_bytes(pcap_file([tcp_packet() for _ in range(9)]))
        self.profile = self.folder / "web.profile"
        self.profile.write_bytes(self.out("profile", "-r", self.capture, WEB))
        self.program = self.folder / "web.ddd"
        self.program.write_text("1\n6 0 0 65535\n")

    def out(self, *words, **more):
        done = ipjit(*words, **more)
        self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        return done.stdout

    def refused(self, options, path, *words, **more):
        before = path.read_bytes()
        done = ipjit(*words, **more)
        self.assertEqual((done.returncode, done.stdout), (2, b""), words)
        self.assertEqual(done.stderr.decode(),
                         f"ipjit: usage: {options} name the same file\n", words)
        self.assertEqual(path.read_bytes(), before)

    def test_inputs_are_kept(self):
        for command in ["profile", "compile", "graph", "filter"]:
            option = "-w" if command == "filter" else "-o"
            read = ["-r", self.capture]
            self.refused(f"-r and {option}", self.capture, command, *read, option, self.capture, WEB)
            self.refused(f"-f and {option}", self.program, command, *read, option, self.program,
                         "-f", self.program)
        for command in ["compile", "graph"]:
            self.refused("--profile and -o", self.profile, command, "--profile", self.profile,
                         "-o", self.profile, WEB)
            self.refused("-f and -o", self.program, command, "-f", self.program, "-o", self.program)
        self.refused("-r and -o", self.capture, "graph", "--format", "svg", "-r", self.capture, "-o",
                     self.capture, WEB)

    def test_links_are_the_same_file(self):
        for link in [os.symlink, os.link]:
            name = self.folder / link.__name__
            link(self.capture, name)
            self.refused("-r and -o", self.capture, "profile", "-r", self.capture, "-o", name, WEB)
            self.refused("-r and -w", self.capture, "filter", "-r", name, "-w", self.capture, WEB)

    def redirected(self, stdin, stdout, *words):
        return subprocess.run([IPJIT, *words], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                              env=CLEAN, timeout=120, check=False)

    def test_standard_streams_are_files_too(self):
        before = self.capture.read_bytes()
        for command, option in [("filter", "-w"), ("profile", "-o")]:
            with open(self.capture, "rb") as capture:
                done = self.redirected(capture, subprocess.DEVNULL, command, "-r", "-", option,
                                       self.capture, WEB)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(f"-r and {option} name the same file", done.stderr.decode())
        with open(self.capture, "rb") as capture, open(self.capture, "ab") as end:
            for source, stdin in [("-", capture), (self.capture, subprocess.DEVNULL)]:
                done = self.redirected(stdin, end, "filter", "-r", source, "-w", "-", WEB)
                self.assertEqual(done.returncode, 2, done)
        self.assertEqual(self.capture.read_bytes(), before)

    def test_a_terminal_or_a_socket_may_be_both(self):
        for ours, theirs in [pty.openpty(), [end.detach() for end in socket.socketpair()]]:
            done = self.redirected(theirs, theirs, "filter", "-r", self.capture, "-f", "/dev/null",
                                   "-w", "-")
            self.assertIn(b"no instruction", done.stderr)
            with open(self.program, "rb") as program:
                done = self.redirected(program, theirs, "filter", "-r", self.capture, "-f", "-", "-w",
                                       "-")
            self.assertIn(b"9 of 9 packets match", done.stderr)
            os.close(ours)
            os.close(theirs)

    def test_devices_may_be_both(self):
        done = ipjit("compile", "-f", "/dev/null", "-o", "/dev/null")
        self.assertEqual(done.returncode, 1)  # an empty program
        self.assertIn(b"no instruction", done.stderr)

    def test_other_files_are_overwritten(self):
        copy = self.folder / "copy"
        shutil.copy(self.profile, copy)
        self.out("profile", "-r", self.capture, "-o", copy, "ip")
        self.assertNotEqual(copy.read_bytes(), self.profile.read_bytes())


if __name__ == "__main__":
    unittest.main()
