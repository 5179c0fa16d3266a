# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit enable|disable|status` from outside; tests/pcap has what they do to a loader."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from command import CLEAN, IPJIT, ipjit


def state():
    done = ipjit("status", "--json")
    assert (done.returncode, done.stderr) == (0, b""), done
    return json.loads(done.stdout)


class Switch(unittest.TestCase):
    def test_status(self):
        report = state()
        self.assertEqual(list(report), ["state", "installed", "configured", "effective", "drop_in",
                                        "found"])
        self.assertTrue(report["drop_in"].endswith("/libpcap.so.0.8"), report)
        text = ipjit("status").stdout.decode()
        self.assertTrue(text.startswith(report["state"] + "\n"), text)
        self.assertIn(report["drop_in"], text)

    def test_enable_without_the_drop_in_is_refused_and_changes_nothing(self):
        before = state()
        if before["installed"]:
            self.skipTest("the drop-in is installed: enabling it would change this machine")
        done = ipjit("enable")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertRegex(done.stderr.decode(), r"^ipjit: runtime: .*\n$")
        self.assertEqual(state(), before)

    def test_users_may_not(self):
        before = state()
        # Root becomes nobody, who may not see where the build lies: a copy runs.
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            program = shutil.copy(IPJIT, directory)
            nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
            for word in ["enable", "disable"]:
                done = subprocess.run([program, word], capture_output=True, check=False, timeout=60,
                                      env=CLEAN, cwd="/", **nobody)
                self.assertEqual((done.returncode, done.stdout), (1, b""), word)
                self.assertRegex(done.stderr.decode(), r"^ipjit: runtime: .*\n$")
        self.assertEqual(state(), before)


if __name__ == "__main__":
    unittest.main()
