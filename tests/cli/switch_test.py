# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit enable|disable|status` from outside; tests/pcap has what they do to a loader."""

import json
import os
import unittest

from command import ipjit


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

    @unittest.skipIf(os.getuid() == 0, "root may")
    def test_users_may_not(self):
        for word in ["enable", "disable"]:
            done = ipjit(word)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr.decode(), r"^ipjit: runtime: .*\n$")


if __name__ == "__main__":
    unittest.main()
