# SPDX-License-Identifier: BSD-2-Clause
"""Unmodified tcpdump: same output, same errors, same exit code, whatever the options."""
import fcntl
import os
import shutil
import struct
import subprocess
import termios
import time
import unittest

import setting

USER = ["-Z", "root"] if os.geteuid() == 0 else []


@unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
class Tcpdump(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.file = setting.generated_capture("plain.pcap")
        cls.directory = os.path.dirname(cls.file)
        cls.list = os.path.join(cls.directory, "filter.txt")
        with open(cls.list, "w", encoding="ascii") as file:
            file.write(setting.HUNDRED_HOSTS + "\n")

    def compare(self, *options, **more):
        command = ["tcpdump", "-n", *USER, *options]
        bare = setting.Outcome(command, setting.BARE, **more)
        for way, environment in setting.WAYS.items():
            ours = setting.Outcome(command, environment, **more)
            with self.subTest(way=way, options=options):
                self.assertTrue(ours.same_as(bare), f"bare: {bare}\nours: {ours}")
                self.check_notices(ours, options)
        return bare

    def check_notices(self, ours, options):
        dumps = any(option.startswith("-d") for option in options)
        refused = setting.BACKWARD in options and not dumps
        self.assertEqual(len(ours.notices), 1 if refused else 0, ours.notices)

    def test_reads(self):
        for options in (["tcp"], ["-c", "5", "udp"], ["-c", "1", "udp"], ["-xx", "vlan"],
                        ["-F", self.list], ["-w", "-", "tcp port 80"], ["-w", "/dev/null", "ip"],
                        ["-O", "tcp or udp"], ["--count", "udp"], ["-Q", "in", "udp"], [],
                        [setting.BACKWARD], ["host", "198.51.100.1"]):
            self.compare("-r", self.file, *options)

    def test_what_libpcap_knows_of_a_savefile(self):
        """Other systems' address families and the other byte order, in lists of every kind."""
        lists = (setting.TWENTY_HOSTS, setting.TWENTY_V6_HOSTS,
                 setting.TWENTY_HOSTS + " or " + setting.TWENTY_V6_HOSTS)
        for name in ("loopback.pcap", "loopback-swapped.pcap"):
            file = os.path.join(self.directory, name)
            for expression in lists:
                self.assertNotEqual(self.compare("-r", file, expression).out, b"")
                self.compare("-r", file, "-d", expression)
            self.compare("-r", file, "inbound")

    def test_dumps(self):
        for flag in ("-d", "-dd", "-ddd"):
            for expression in ("tcp port 80", setting.HUNDRED_HOSTS, "", setting.BACKWARD):
                self.compare("-r", self.file, flag, expression)
                self.compare("-y", "EN10MB", flag, expression)

    def test_errors(self):
        for options in (["no such ("], ["host"], ["port 99999"], ["ip and arp and ("],
                        ["vlan and not"], ["icmp[500000000000]"], ["ip", "and", "ether host 1"]):
            outcome = self.compare("-r", self.file, *options)
            self.assertEqual(outcome.code, 1, str(outcome))
        self.compare("-r", "/nonexistent.pcap", "tcp")

    def test_damaged_files(self):
        for name in sorted(os.listdir(self.directory)):
            self.compare("-r", os.path.join(self.directory, name), "tcp or arp")

    def test_file_list(self):
        names = os.path.join(self.directory, "names.txt")
        with open(names, "w", encoding="ascii") as file:
            for name in ("plain.pcap", "nano.pcap", "raw-ip.pcap"):
                file.write(os.path.join(self.directory, name) + "\n")
        self.compare("-V", names, "tcp")

    def test_standard_input(self):
        with open(self.file, "rb") as file:
            content = file.read()
        self.compare("-r", "-", "tcp", input=content)
        self.compare("-r", "-", "-c", "3", "tcp", input=content[:5000])

    def test_engine_by_name(self):
        """IPJIT_ENGINE chooses; a name that is none leaves the filter to libpcap and says so."""
        command = ["tcpdump", "-n", *USER, "-r", self.file, "udp port 80 or vlan"]
        bare = setting.Outcome(command, setting.BARE)
        for engine, notices in (("auto", 0), ("interp", 0), ("tier1", 0), ("libpcap", 0), ("x", 1)):
            for way, environment in setting.WAYS.items():
                with self.subTest(way=way, engine=engine):
                    ours = setting.Outcome(command, {**environment, "IPJIT_ENGINE": engine})
                    self.assertTrue(ours.same_as(bare), f"bare: {bare}\nours: {ours}")
                    self.assertEqual(len(ours.notices), notices, ours.notices)

    def test_asked_to_stand_aside(self):
        for way, environment in setting.WAYS.items():
            with self.subTest(way=way):
                ours = setting.Outcome(["tcpdump", "-n", *USER, "-r", self.file, setting.BACKWARD],
                                       {**environment, "IPJIT_ENGINE": "libpcap"})
                self.assertEqual(ours.notices, [])


def wait_until_idle(pid, pipe):
    """Until the process has emptied the pipe and sleeps in the next read(), or has ended."""
    idle = 0
    while idle < 5:
        time.sleep(0.05)
        left = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        if state == "Z":
            return
        idle = idle + 1 if left == 0 and state == "S" else 0


@unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
class Signals(unittest.TestCase):
    """tcpdump's handler calls pcap_breakloop(): it then prints its counts and exits with 0."""

    def interrupted(self, environment, name):
        capture = setting.generated_capture("plain.pcap")
        reader, writer = os.pipe()
        process = subprocess.Popen(["tcpdump", "-n", *USER, "-l", "-r", "-", "tcp"], stdin=reader,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        with open(capture, "rb") as file:
            os.write(writer, file.read()[:20000])  # the pipe stays open: tcpdump waits for more
        wait_until_idle(process.pid, reader)
        getattr(process, name)()
        # Closed before the signal arrives, the pipe's end would be what read() reports.
        out, err = process.communicate(timeout=120)
        os.close(reader)
        os.close(writer)
        return process.returncode, out, err

    def test_terminate(self):
        bare = self.interrupted(setting.BARE, "terminate")
        for way, environment in setting.WAYS.items():
            with self.subTest(way=way):
                self.assertEqual(self.interrupted(environment, "terminate"), bare)


if __name__ == "__main__":
    unittest.main()
