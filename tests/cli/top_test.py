# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit top` on a terminal, in a pipe and for programs."""

import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
import unittest
from fcntl import ioctl

from command import CLEAN, IPJIT, ipjit

HEAD = b"PKT/S"


class OnATerminal:
    """`ipjit top` with a terminal of its own, wide enough for the heading with whatever numbers."""

    def __init__(self, *words, rows=24, columns=160, kind="xterm"):
        self.ours, theirs = pty.openpty()
        ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.ours)
        self.process = subprocess.Popen([IPJIT, "top", *words], stdin=theirs, stdout=theirs,
                                        stderr=subprocess.PIPE, env={**CLEAN, "TERM": kind},
                                        start_new_session=True)
        os.close(theirs)
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.ours)

    def read_until(self, wanted, seconds=120):
        end = time.monotonic() + seconds
        while wanted not in self.seen:
            ready, _, _ = select.select([self.ours], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"{wanted} did not come: {self.seen}")
            try:
                self.seen += os.read(self.ours, 65536)
            except OSError as gone:  # the other end was closed
                raise AssertionError(f"{wanted} did not come: {self.seen}") from gone

    def key(self, key):
        self.seen = b""
        os.write(self.ours, key)

    def ended(self):
        self.read_until(b"\033[?1049l")  # the old screen is back, and the cursor
        status = self.process.wait(timeout=120)
        assert b"\033[?25h" in self.seen
        assert self.process.stderr.read() == b""
        return status


class Top(unittest.TestCase):
    def test_once(self):
        done = ipjit("top", "--once", "--delay", "0.05")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        lines = done.stdout.decode(errors="replace").splitlines()  # a name may be cut in a letter
        self.assertTrue(lines[0].startswith("ipjit top, "), lines)
        self.assertIn("PKT/S", lines[2])
        self.assertNotIn(b"\033", done.stdout)

    def test_batch_prints_so_many_readings(self):
        for words in [["--batch"], []]:  # no terminal: the same
            done = ipjit("top", *words, "--delay", "0.05", "--count", "3")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(done.stdout.count(b"ipjit top, "), 3)

    def test_json_is_an_object_a_line(self):
        done = ipjit("top", "--delay", "0.05", "-n", "2", "--json")
        readings = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(readings), 2)
        for reading in readings:
            self.assertEqual(list(reading), ["at_ns", "filters", "changes", "kernel"])

    def test_a_reader_that_goes_away_ends_it(self):
        with subprocess.Popen([IPJIT, "top", "--delay", "0.05", "--batch"], env=CLEAN,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.readline()
            process.stdout.close()
            process.wait(timeout=120)
            self.assertNotEqual(process.returncode, 0)

    def test_screen_and_keys(self):
        with OnATerminal("--delay", "3600") as top:
            top.read_until(b"by PKT/S")
            top.read_until(HEAD)
            self.assertIn(b"\033[?1049h", top.seen)
            self.assertFalse(termios.tcgetattr(top.ours)[3] & (termios.ICANON | termios.ECHO))
            for key, word in [(b"c", b"by CPU%"), (b"n", b"by NS/PKT"), (b"s", b"by SAVED"),
                              (b"i", b"by PID"), (b"p", b"by PKT/S"), (b" ", b"ipjit top, ")]:
                top.key(key)
                top.read_until(word)
            top.key(b"q")
            self.assertEqual(top.ended(), 0)
            self.assertEqual(termios.tcgetattr(top.ours), top.before)

    def test_signals_give_the_terminal_back(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            with OnATerminal("--delay", "3600") as top:
                top.read_until(HEAD)
                top.process.send_signal(number)
                self.assertEqual(top.ended(), 0)
                self.assertEqual(termios.tcgetattr(top.ours), top.before)

    def test_screen_ends_after_so_many_readings(self):
        with OnATerminal("--delay", "0.05", "--count", "2") as top:
            self.assertEqual(top.ended(), 0)

    def test_a_dumb_terminal_is_not_drawn_on(self):
        for kind in ["dumb", ""]:
            with OnATerminal("--delay", "0.05", "--count", "2", kind=kind) as top:
                top.read_until(b"\n\r\nipjit top, ")
                top.read_until(HEAD)
                self.assertNotIn(b"\033", top.seen)
                self.assertEqual(top.process.wait(timeout=120), 0)

    def test_a_small_terminal_does_not_scroll(self):
        with OnATerminal("--delay", "3600", rows=2) as top:
            top.read_until(b"\033[J")
            self.assertEqual(top.seen.count(b"\n"), 1)
            top.key(b"q")
            self.assertEqual(top.ended(), 0)


if __name__ == "__main__":
    unittest.main()
