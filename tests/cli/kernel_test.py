# SPDX-License-Identifier: BSD-2-Clause
"""`ipjit kernel` and `ipjit budget` in a root of their own, with a modprobe and a rmmod that pretend."""

import json
import os
import pathlib
import stat
import tempfile
import unittest

from command import ipjit

RELEASE = os.uname().release
MODPROBE = """#!/bin/sh
echo "$@" >> "$IPJIT_ROOT/modprobe.log"
[ ! -e "$IPJIT_ROOT/refuse" ] || { cat "$IPJIT_ROOT/refuse" >&2; exit 1; }
cat "$IPJIT_ROOT/var/lib/ipjit/loaded" > "$IPJIT_ROOT/marker_seen"
mkdir -p "$IPJIT_ROOT/sys/module/ipjit"
"""
RMMOD = """#!/bin/sh
[ ! -e "$IPJIT_ROOT/held" ] || { rm "$IPJIT_ROOT/held"; touch "$IPJIT_ROOT/asked"; echo "rmmod: ERROR: Module ipjit is in use" >&2; exit 1; }
[ ! -e "$IPJIT_ROOT/busy" ] || { echo "rmmod: ERROR: Module ipjit is in use" >&2; exit 1; }
rm -r "$IPJIT_ROOT/sys/module/$1"
"""


class Kernel(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        for folder in ["etc", "var/lib", "bin", "sys/module", "proc/sys/kernel/random",
                       f"lib/modules/{RELEASE}/updates/dkms"]:
            (self.root / folder).mkdir(parents=True)
        for name, text in [("modprobe", MODPROBE), ("rmmod", RMMOD)]:
            fake = self.root / "bin" / name
            fake.write_text(text)
            fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
        self.boot("first")

    def boot(self, boot_id, command_line=""):
        """Another life of the machine: nothing is loaded, the disk is as it was."""
        (self.root / "proc/sys/kernel/random/boot_id").write_text(boot_id + "\n")
        (self.root / "proc/cmdline").write_text(command_line + "\n")
        loaded = self.root / "sys/module/ipjit"
        if loaded.exists():
            loaded.rmdir()

    def install(self):
        (self.root / f"lib/modules/{RELEASE}/updates/dkms/ipjit.ko").touch()

    def run_ipjit(self, *words):
        return ipjit(*words, env={"IPJIT_ROOT": str(self.root),
                                  "PATH": f"{self.root}/bin:{os.environ['PATH']}"})

    def good(self, *words):
        done = self.run_ipjit(*words)
        self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        return done.stdout.decode()

    def bad(self, *words):
        done = self.run_ipjit(*words)
        self.assertEqual((done.returncode, done.stdout), (1, b""), words)
        error = done.stderr.decode()
        self.assertTrue(error.startswith("ipjit: kernel: "), error)
        self.assertEqual(error.count("\n"), 1, error)
        return error

    def state(self):
        return json.loads(self.good("kernel", "status", "--json"))

    def test_without_the_module_one_line_says_what_to_do(self):
        for words in [("kernel", "pause"), ("kernel", "resume"), ("kernel", "evict", "3"),
                      ("kernel", "shadow", "on"), ("kernel", "sweep"), ("kernel", "load"),
                      ("budget",), ("compile", "--from-kernel", "3")]:
            self.assertIn("apt install ipjit-dkms", self.bad(*words))
        self.assertIn("apt install ipjit-dkms", self.good("kernel"))
        self.install()
        self.assertIn("sudo ipjit kernel load", self.bad("kernel", "pause"))
        self.assertEqual(self.state()["installed"], True)
        self.assertIsNone(json.loads(self.good("stats", "--json"))["kernel"])

    def test_first_load_observes_and_leaves_a_marker_before_the_module_is_there(self):
        self.install()
        self.assertIn("mode observe", self.good("kernel", "load", "--boot"))
        self.assertEqual((self.root / "marker_seen").read_text(), "boot_id=first\nmode=observe\n")
        self.assertEqual((self.root / "modprobe.log").read_text(), "ipjit mode=observe\n")
        self.assertIn("already loaded", self.good("kernel", "load"))
        self.assertIn("unloaded", self.good("kernel", "unload", "--boot"))
        self.assertEqual(list((self.root / "var/lib/ipjit").iterdir()), [])
        self.assertIn("not loaded", self.good("kernel", "unload"))

    def test_mode_is_kept(self):
        self.install()
        self.good("kernel", "mode", "on")
        self.assertIn("mode on", self.good("kernel", "load"))
        self.good("kernel", "unload")
        self.boot("second")
        self.assertEqual(self.state()["next_start"], {"mode": "on", "why": "as configured"})

    def test_an_unclean_boot_starts_in_off_and_says_why(self):
        self.install()
        self.good("kernel", "mode", "on")
        self.good("kernel", "load")
        self.boot("second")
        self.assertIn("mode off: the machine stopped", self.good("kernel", "load"))
        self.assertIn("stopped without a shutdown", self.good("kernel"))
        self.assertIn("stopped without a shutdown", self.state()["held"])
        doctor = json.loads(self.run_ipjit("doctor", "--json").stdout)
        check, = [check for check in doctor["checks"] if check["name"] == "kernel mode"]
        self.assertIn("stopped without a shutdown", check["detail"])
        self.assertEqual(check["mend"], "sudo ipjit kernel mode on")
        self.good("kernel", "unload")
        self.assertIn("mode off", self.good("kernel", "load"))
        self.good("kernel", "unload")
        self.good("kernel", "mode", "on")
        self.assertIn("mode on", self.good("kernel", "load"))

    def test_enabled_0_is_honoured(self):
        self.install()
        self.good("kernel", "mode", "on")
        self.boot("second", "quiet ipjit.enabled=0")
        self.assertIn("mode off: ipjit.enabled=0", self.good("kernel", "load"))

    def test_a_module_that_is_refused_leaves_no_marker(self):
        self.install()
        (self.root / "refuse").write_text(
            "modprobe: ERROR: could not insert 'ipjit': Key was rejected by service\n")
        self.assertIn("is not signed: `ipjit doctor` says what to do", self.bad("kernel", "load"))
        self.assertEqual(list((self.root / "var/lib/ipjit").iterdir()), [])
        (self.root / "refuse").write_text("modprobe: ERROR: could not insert 'ipjit': Exec\n")
        self.assertIn("could not insert", self.bad("kernel", "load"))

    def test_a_module_in_use_stays_and_so_does_its_marker(self):
        self.install()
        self.good("kernel", "load")
        (self.root / "busy").touch()
        self.assertIn("systemctl stop ipjitd", self.bad("kernel", "unload"))
        self.assertTrue((self.root / "var/lib/ipjit/loaded").exists())

    def test_a_shutdown_waits_for_those_who_have_the_device_open(self):
        self.install()
        self.good("kernel", "load", "--boot")
        (self.root / "held").touch()
        self.assertIn("unloaded", self.good("kernel", "unload", "--boot"))
        self.assertTrue((self.root / "asked").exists())
        self.assertFalse((self.root / "var/lib/ipjit/loaded").exists())

    def test_a_mode_for_a_module_that_may_not_have_one_waits_for_the_next_load(self):
        self.install()
        self.good("kernel", "load")
        parameters = self.root / "sys/module/ipjit/parameters"
        parameters.mkdir()
        (parameters / "enabled").write_text("N\n")
        self.assertIn("from the next load on: the module was loaded with enabled=0",
                      self.good("kernel", "mode", "on"))
        self.assertIn("mode = on", (self.root / "etc/ipjit/kernel.conf").read_text())

    def test_limits_are_kept(self):
        self.assertIn("kept", self.good("budget", "--code-all", "1M", "--table-user", "64k"))
        text = (self.root / "etc/ipjit/kernel.conf").read_text()
        self.assertIn("code-all = 1048576\n", text)
        self.assertIn("table-user = 65536\n", text)
        done = self.run_ipjit("budget", "--code-all", "lots")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--code-all: 'lots' is not a number of bytes", done.stderr)

    def test_settings_that_are_not_understood_are_not_written_over(self):
        self.install()
        conf = self.root / "etc/ipjit/kernel.conf"
        conf.parent.mkdir()
        conf.write_text("mode = fast\n")
        for words in [("kernel", "load"), ("kernel", "mode", "on"), ("budget", "--code-all", "1M")]:
            self.assertIn("mode 'fast'", self.bad(*words))
        self.assertEqual(conf.read_text(), "mode = fast\n")
        self.assertIn("mode 'fast'", self.good("kernel"))

    def test_a_disk_that_cannot_be_written_stops_the_load(self):
        self.install()
        (self.root / "var/lib/ipjit").write_text("a file where a folder should be\n")
        self.assertIn("cannot be written", self.bad("kernel", "load"))
        self.assertFalse((self.root / "modprobe.log").exists())

    def test_misuse(self):
        for words in [("kernel", "soup"), ("kernel", "mode"), ("kernel", "mode", "fast"),
                      ("kernel", "evict", "x"), ("kernel", "shadow", "maybe")]:
            self.assertEqual(self.run_ipjit(*words).returncode, 2, words)


if __name__ == "__main__":
    unittest.main()
