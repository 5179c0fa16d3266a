# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit doctor` names what is there, and mends for what is not."""

import json
import unittest

from command import HAVE_TIER2, ipjit, wait_for_tier2

NAMES = ["cpu", "target", "caches", "environment", "libpcap", "executable memory",
         "compile and run", "statistics", "preload library", "drop-in libpcap",
         "apparmor", "tier2", "kernel module", "module build", "module signing", "kernel taint",
         "kernel jit", "kernel device", "ipjitd", "kernel mode", "graphviz", "dpdk"]


class Doctor(unittest.TestCase):
    def test_filters_work_here(self):
        done = ipjit("doctor", "--json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        report = json.loads(done.stdout)
        self.assertTrue(report["works"])
        checks = {check["name"]: check for check in report["checks"]}
        for name in NAMES:
            self.assertIn(name, checks)
            self.assertTrue(checks[name]["detail"], name)
        for check in report["checks"]:
            self.assertIn(check["state"], ["ok", "note", "missing"])
            if check["state"] == "missing":
                self.assertTrue(check["mend"], check)

    def test_report_for_people(self):
        text = ipjit("doctor").stdout.decode()
        for name in NAMES:
            self.assertIn(name, text)
        self.assertIn("Filters compile and run here.", text)

    def test_environment_is_shown(self):
        done = ipjit("doctor", "--json", env={"IPJIT_TARGET": "x86-64-v1"})
        checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        self.assertIn("x86-64-v1", checks["target"]["detail"])
        self.assertIn("IPJIT_TARGET=x86-64-v1", checks["environment"]["detail"])

    def test_tier2_is_tried(self):
        def tier2(**env):
            report = json.loads(ipjit("doctor", "--json", env=env).stdout)
            check, = [check for check in report["checks"] if check["name"] == "tier2"]
            return check["state"], check["detail"], report["works"]

        state, detail, works = tier2(IPJIT_TIER2="/nonexistent")
        self.assertEqual((state, works), ("missing", True))
        self.assertIn("/nonexistent", detail)
        self.assertEqual(tier2(IPJIT_TIER2="off")[0], "note")
        if HAVE_TIER2:
            wait_for_tier2()
            state, detail, _ = tier2()
            self.assertEqual(state, "ok", detail)

    def test_what_is_broken_decides_the_status(self):
        done = ipjit("doctor", "--json", env={"IPJIT_TARGET": "soup"})
        self.assertEqual(done.returncode, 1)
        report = json.loads(done.stdout)
        self.assertFalse(report["works"])
        target, = [check for check in report["checks"] if check["name"] == "target"]
        self.assertEqual(target["state"], "broken")
        self.assertIn("soup", target["detail"])
        self.assertIn("IPJIT_TARGET", target["mend"])


if __name__ == "__main__":
    unittest.main()
