# SPDX-License-Identifier: BSD-2-Clause
"""What a program's filters did is found in the statistics of all processes, under its pid."""
import os
import shutil
import subprocess
import sys
import time
import unittest

import setting

sys.path.insert(0, os.path.join(setting.SOURCE, "tests"))
from apart import own_shared_memory  # noqa: E402  (from the directory above)

STATS = os.environ["IPJIT_STATS_PROBE"]
PACKETS = 300  # in plain.pcap


@unittest.skipUnless(shutil.which("tcpdump"), "tcpdump is not installed")
@unittest.skipUnless(os.access("/dev/shm", os.W_OK), "/dev/shm is not writable")
class Stats(unittest.TestCase):
    def records(self, way, *options):
        """tcpdump's output lines, and its records as lists of words."""
        user = ["-Z", "root"] if os.geteuid() == 0 else []
        begun = time.time_ns()  # an earlier process may have had the pid
        process = subprocess.Popen(
            ["tcpdump", "-n", *user, "-r", setting.generated_capture("plain.pcap"), *options],
            env=setting.WAYS[way], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lines = process.communicate()[0].count(b"\n")
        out = subprocess.run([STATS, str(process.pid), str(begun)], capture_output=True, text=True,
                             check=True)
        return lines, [line.split("|") for line in out.stdout.splitlines()]

    def test_native(self):
        for way in ("preload", "drop-in"):
            lines, records = self.records(way, "udp port 80")
            self.assertEqual(records, [["tier1", str(PACKETS), str(lines), "udp port 80", ""]])

    def test_long_list(self):
        lines, records = self.records("preload", setting.HUNDRED_HOSTS)
        self.assertGreater(lines, 10)
        self.assertEqual(records[0][:3], ["tier1", str(PACKETS), str(lines)])
        self.assertTrue(records[0][3].startswith("host 198.18.0.1 or host 198.18.0.2"), records)

    def test_refused(self):
        _, records = self.records("preload", setting.BACKWARD)
        self.assertEqual(records[0][:4], ["libpcap", "0", "0", setting.BACKWARD])
        self.assertTrue(records[0][4].endswith("; libpcap runs instead"), records)

    def test_no_filter(self):
        self.assertEqual(self.records("preload")[1], [])


if __name__ == "__main__":
    own_shared_memory()
    unittest.main()
