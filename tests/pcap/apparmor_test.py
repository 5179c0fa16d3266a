# SPDX-License-Identifier: BSD-2-Clause
"""The AppArmor fragment parses, alone and within tcpdump's profile, and reaches that profile."""
import os
import shutil
import subprocess
import unittest

import setting

FRAGMENT = os.path.join(setting.SOURCE, "packaging", "apparmor", "ipjit")
POLICY = "/etc/apparmor.d"


@unittest.skipUnless(shutil.which("apparmor_parser") and os.path.isdir(POLICY + "/abstractions"),
                     "AppArmor is not installed")
class Fragment(unittest.TestCase):
    def setUp(self):
        self.base = os.path.join(setting.scratch_directory(), "apparmor.d")
        shutil.copytree(POLICY, self.base, symlinks=True)

    def parse(self, profile, *options):
        command = ["apparmor_parser", "-Q", "-K", "--base", self.base, *options, profile]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_in_a_profile(self):
        profile = os.path.join(self.base, "example")
        with open(profile, "w", encoding="ascii") as file:
            file.write("include <tunables/global>\nprofile example /usr/bin/example {\n"
                       "  include <abstractions/base>\n}\n")
        target = os.path.join(self.base, "abstractions", "base.d")
        os.makedirs(target, exist_ok=True)
        shutil.copy(FRAGMENT, target)
        self.assertEqual(self.parse(profile).returncode, 0)
        rules = self.parse(profile, "-p").stdout
        self.assertIn("libexec/ipjit/ipjit-tier2 mrix", rules)
        self.assertIn("/dev/shm/ipjit-[0-9]*/* rwk", rules)
        with open(os.path.join(target, "ipjit"), "a", encoding="ascii") as file:
            file.write("this is no rule\n")
        self.assertNotEqual(self.parse(profile).returncode, 0)

    def test_in_tcpdumps_profile(self):
        profile = os.path.join(self.base, "usr.bin.tcpdump")
        if not os.path.exists(profile):
            self.skipTest("tcpdump has no profile here")
        target = os.path.join(self.base, "abstractions", "base.d")
        os.makedirs(target, exist_ok=True)
        shutil.copy(FRAGMENT, target)
        self.assertEqual(self.parse(profile).returncode, 0)
        self.assertIn("/dev/shm/ipjit-", self.parse(profile, "-p").stdout)

    def test_enforced(self):
        try:
            with open("/sys/module/apparmor/parameters/enabled", encoding="ascii") as file:
                enabled = file.read().startswith("Y")
        except OSError:
            enabled = False
        if not enabled or os.geteuid() != 0:
            self.skipTest("this kernel does not enforce AppArmor: the fragment was only parsed")
        run = subprocess.run(["aa-exec", "-p", "tcpdump", "--", "tcpdump", "--version"],
                             env=setting.WAYS["preload"], capture_output=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)


if __name__ == "__main__":
    unittest.main()
