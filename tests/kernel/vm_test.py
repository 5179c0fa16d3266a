#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""scripts/vm keeps its promises: status, output, files, complaints of the kernel, counted instructions.

    tests/kernel/vm_test.py BUILD
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = None


def run(*words, command):
    process = subprocess.run([ROOT / "scripts/vm", "run", "--build", BUILD, "--timeout", "300", *words, "--", *command],
                             capture_output=True, text=True, check=False)
    return process.returncode, process.stdout, process.stderr


class Machine(unittest.TestCase):
    def test_a_command_gives_status_output_errors_and_files(self):
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            (scratch / "in/deep").mkdir(parents=True)
            (scratch / "in/a file").write_bytes(bytes(range(256)) * 1000)
            (scratch / "in/deep/empty").write_bytes(b"")
            status, out, err = run("--copy-in", f"{scratch}/in:/given", "--copy-out", f"/given:{scratch}/back",
                                   "--copy-out", f"/tmp/new:{scratch}/new",
                                   command=["id -u; echo wrong >&2; printf x >/tmp/new; ip -br link; exit 7"])
            self.assertEqual(status, 7, err)
            self.assertTrue(out.startswith("0\nlo "), out)
            self.assertEqual(err, "wrong\n")
            self.assertEqual((scratch / "back/a file").read_bytes(), bytes(range(256)) * 1000)
            self.assertEqual((scratch / "back/deep/empty").read_bytes(), b"")
            self.assertEqual((scratch / "new").read_text(), "x")

    def test_words_reach_a_program_as_they_are(self):
        self.assertEqual(run(command=["printf", "[%s]", "a  b", "$HOME", "'"])[:2], (0, "[a  b][$HOME][']"))

    def test_a_panic_fails_and_is_shown(self):
        status, _, err = run(command=["echo c >/proc/sysrq-trigger; exit 0"])
        self.assertEqual(status, 126)
        self.assertIn("sysrq triggered crash", err)

    def test_a_command_without_end_is_ended(self):
        status, out, err = run("--timeout", "12", command=["echo begun; sleep 1000"])
        self.assertEqual((status, out), (124, "begun\n"))
        self.assertIn("no end within 12 s", err)

    def test_a_missing_file_is_said(self):
        status, _, err = run("--copy-out", "/nothing:/dev/null", command=["true"])
        self.assertEqual(status, 1)
        self.assertIn("no /nothing to copy out", err)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    if not shutil.which("qemu-system-x86_64"):
        print("skipped: no qemu-system-x86_64 (apt-get install qemu-system-x86)")
        sys.exit(77)
    unittest.main()
