# SPDX-License-Identifier: BSD-2-Clause
"""System-wide: the switch, and the programs that no environment variable reaches.

Everything happens in mount and network namespaces of its own, over a copy-on-write /etc: this
machine's loader is never touched.  That the drop-in is really in a process shows in the one line
that it writes about a filter which has no native code.
"""
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import unittest

import captures
import setting

NOBODY = pwd.getpwnam("nobody")
MARK = "IPJIT_SYSTEM_NAMESPACE"
STAGE = "/mnt"  # what the test puts there vanishes with the namespace
SWITCH = f"{STAGE}/switch"


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def enter_namespace():
    """Starts this script again where mounts and networks are its own; False where that fails."""
    if os.environ.get(MARK):
        return True
    able = os.geteuid() == 0 and shutil.which("unshare") and \
        subprocess.run(["unshare", "-mn", "mount", "-t", "tmpfs", "none", STAGE],
                       check=False).returncode == 0
    if able:
        os.environ[MARK] = "1"
        os.execvp("unshare", ["unshare", "-mn", "--propagation", "private", sys.executable,
                              __file__] + sys.argv[1:])
    return False


def prepare_namespace():
    run("mount", "-t", "tmpfs", "-o", "mode=755", "none", STAGE)
    for name, place in (("etc", "/etc"), ("cache", "/var/cache/ldconfig")):
        upper, work = f"{STAGE}/{name}", f"{STAGE}/{name}-work"
        os.makedirs(upper)
        os.makedirs(work)
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={place},upperdir={upper},workdir={work}", place)
    os.makedirs(f"{STAGE}/lib")
    shutil.copy(os.path.join(setting.DROPIN, "libpcap.so.0.8"), f"{STAGE}/lib")
    shutil.copy(setting.PROBE, f"{STAGE}/probe")
    shutil.copy(os.environ["IPJIT_SWITCH_PROBE"], SWITCH)
    captures.write_small(f"{STAGE}/captures")
    os.chmod(f"{STAGE}/captures", 0o755)
    run("ip", "link", "set", "lo", "up")
    run("/sbin/ldconfig")


def loader_state():
    """What the loader knows: its settings, its cache, and what it finds."""
    directory = "/etc/ld.so.conf.d"
    with open("/etc/ld.so.cache", "rb") as file:
        cache = file.read()
    found = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, check=True).stdout
    return sorted(os.listdir(directory)), cache, found


def switch(verb, directory=f"{STAGE}/lib"):
    outcome = setting.Outcome([SWITCH, verb, directory], setting.BARE)
    return outcome.code, outcome.out.decode().split("\n")[0]


def as_nobody(command, environment=None, **more):
    return setting.Outcome(command, environment or setting.BARE, user=NOBODY.pw_uid,
                           group=NOBODY.pw_gid, extra_groups=[], cwd="/", **more)


@unittest.skipUnless(os.environ.get(MARK), "needs root, unshare and mounts in a namespace")
class System(unittest.TestCase):
    capture = f"{STAGE}/captures/plain.pcap"

    def both(self, runner, command):
        """The outcome without the drop-in and with it; they must agree."""
        self.assertEqual(switch("disable")[0], 0)
        bare = runner(command)
        self.assertEqual(switch("enable")[0], 0)
        ours = runner(command)
        self.assertEqual(switch("disable")[0], 0)
        self.assertTrue(ours.same_as(bare), f"{command}\nbare: {bare}\nours: {ours}")
        self.assertEqual(bare.notices, [])
        return ours

    def agree(self, runner, make_command):
        """Same outcome for filters with native code, and proof that the drop-in was there."""
        for expression in ("tcp", setting.TWENTY_HOSTS):
            self.assertEqual(self.both(runner, make_command(expression)).notices, [])
        refused = self.both(runner, make_command(setting.BACKWARD))
        self.assertEqual(len(refused.notices), 1, str(refused))

    def test_switch_leaves_no_trace(self):
        before = loader_state()
        self.assertEqual(switch("status"), (0, "disabled"))
        self.assertEqual(switch("enable"), (0, "enabled"))
        self.assertEqual(switch("status"), (0, "enabled"))
        self.assertNotEqual(loader_state()[2], before[2])
        self.assertEqual(switch("enable"), (0, "enabled"))
        self.assertEqual(switch("disable"), (0, "disabled"))
        self.assertEqual(switch("disable"), (0, "disabled"))
        self.assertEqual(loader_state(), before)

    def test_switch_refuses(self):
        before = loader_state()
        code, line = switch("enable", f"{STAGE}/nowhere")
        self.assertEqual(code, 1)
        self.assertIn("not installed", line)
        outcome = as_nobody([SWITCH, "enable", f"{STAGE}/lib"])
        self.assertEqual(outcome.code, 1)
        self.assertIn(b"ermission denied", outcome.out)
        self.assertEqual(loader_state(), before)

    def test_half_done_is_said(self):
        with open("/etc/ld.so.conf.d/00-ipjit.conf", "w", encoding="ascii") as file:
            file.write(f"{STAGE}/lib\n")
        self.assertIn("configured, but", switch("status")[1])
        self.assertEqual(switch("disable"), (0, "disabled"))

    def test_root_and_nobody(self):
        command = lambda expression: [f"{STAGE}/probe", "counts", self.capture, expression]
        self.agree(lambda words: setting.Outcome(words, setting.BARE), command)
        self.agree(as_nobody, command)

    def test_set_user_id(self):
        program = f"{STAGE}/setuid-probe"
        shutil.copy(setting.PROBE, program)
        os.chmod(program, 0o4755)
        # A setuid program takes no orders from its caller's environment.
        environment = {**setting.BARE, "IPJIT_ENGINE": "libpcap"}
        self.agree(lambda words: as_nobody(words, environment),
                   lambda expression: [program, "counts", self.capture, expression])

    @unittest.skipUnless(shutil.which("tcpdump") and shutil.which("setcap"), "tcpdump, setcap")
    def test_file_capabilities(self):
        program = f"{STAGE}/tcpdump"
        shutil.copy(shutil.which("tcpdump"), program)
        run("setcap", "cap_net_raw+ep", program)
        self.agree(as_nobody, lambda expression: [program, "-n", "-r", self.capture, expression])

    @unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
    def test_tcpdump_that_drops_root(self):
        self.agree(lambda words: setting.Outcome(words, setting.BARE),
                   lambda expression: ["tcpdump", "-n", "-Z", "nobody", "-r", self.capture,
                                       expression])

    @unittest.skipUnless(shutil.which("tcpdump") and shutil.which("sudo"), "tcpdump and sudo")
    def test_sudo(self):
        if subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode:
            self.skipTest("sudo does not work in this namespace")
        self.agree(lambda words: setting.Outcome(words, setting.BARE),
                   lambda expression: ["sudo", "-n", "tcpdump", "-n", "-Z", "root", "-r",
                                       self.capture, expression])

    def test_ctypes(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ctypes_probe.py")
        self.agree(lambda words: setting.Outcome(words, setting.BARE),
                   lambda expression: [sys.executable, script, self.capture, expression])

    def test_noexec(self):
        for place in ("/tmp", "/dev/shm"):
            run("mount", "-t", "tmpfs", "-o", "noexec,nosuid,mode=1777", "none", place)
        try:
            command = lambda expression: [f"{STAGE}/probe", "counts", self.capture, expression]
            self.agree(lambda words: setting.Outcome(words, setting.BARE), command)
        finally:
            for place in ("/dev/shm", "/tmp"):
                run("umount", "--lazy", place)  # a compile server may sit there for a minute


@unittest.skipUnless(os.environ.get(MARK), "needs root, unshare and mounts in a namespace")
class Dumpcap(unittest.TestCase):
    """dumpcap with file capabilities, run by nobody, on the loopback interface."""

    @unittest.skipUnless(shutil.which("dumpcap") and shutil.which("setcap"), "dumpcap, setcap")
    def test_live(self):
        program = f"{STAGE}/dumpcap"
        shutil.copy(shutil.which("dumpcap"), program)
        run("setcap", "cap_net_raw,cap_net_admin+ep", program)
        bare = self.captured(program)
        self.assertEqual(switch("enable")[0], 0)
        ours = self.captured(program)
        self.assertEqual(switch("disable")[0], 0)
        self.assertEqual(ours, bare)
        self.assertEqual(bare, (0, [10, 0, 10, 0]))

    def captured(self, program):
        """Exit code, and how many packets to each port came through the filter."""
        process = subprocess.Popen(
            [program, "-i", "lo", "-f", "udp and (port 5001 or port 5003)", "-P", "-w", "-", "-q",
             "-c", "20"], env=setting.BARE, user=NOBODY.pw_uid, group=NOBODY.pw_gid,
            extra_groups=[], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            deadline = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < deadline:
                for port in (5001, 5002, 5003, 5004):
                    sender.sendto(b"%d" % port, ("127.0.0.1", port))
                time.sleep(0.02)
        process.kill()
        out = process.communicate()[0]
        return process.returncode, [out.count(b"500%d" % port) for port in (1, 2, 3, 4)]


class Forbidden(unittest.TestCase):
    """Where the system forbids executable memory, libpcap runs and one line says why."""

    def test_no_executable_memory(self):
        def forbid():
            import ctypes
            refuse_exec_gain, set_mdwe = 1, 65
            if ctypes.CDLL(None).prctl(set_mdwe, refuse_exec_gain, 0, 0, 0) != 0:
                os._exit(99)

        command = [setting.PROBE, "counts", setting.generated_capture("plain.pcap"), "tcp"]
        bare = setting.Outcome(command, setting.BARE, preexec_fn=forbid)
        if bare.code == 99:
            self.skipTest("this kernel has no PR_SET_MDWE")
        for way in ("preload", "drop-in"):
            ours = setting.Outcome(command, setting.WAYS[way], preexec_fn=forbid)
            self.assertTrue(ours.same_as(bare), f"bare: {bare}\nours: {ours}")
            self.assertEqual(len(ours.notices), 1, str(ours))


if __name__ == "__main__":
    if enter_namespace() and os.environ.get(MARK):
        prepare_namespace()
    unittest.main()
