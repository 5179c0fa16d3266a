# SPDX-License-Identifier: BSD-2-Clause
"""A C program that uses libpcap in every way writes the same transcript with ipjit as without."""
import os
import unittest

import setting

PROBES = ["counts", "breaks", "changes", "handles", "programs"]
FILTERS = ["tcp", setting.TWENTY_HOSTS, "udp port 53 or arp", setting.BACKWARD, "len > 500",
           "ip and vlan", "host 198.51.100.9"]


class Transparent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = setting.small_captures()
        cls.generated = [f for f in cls.files if "ipjit-pcap-test" in f]

    def compare(self, way, probe, file, expression):
        command = [setting.PROBE, probe, file, expression]
        bare = setting.Outcome(command, setting.BARE)
        ours = setting.Outcome(command, setting.WAYS[way])
        self.assertIn(bare.code, (0,), str(bare))
        self.assertTrue(ours.same_as(bare), f"{way}: {command}\nbare: {bare}\nours: {ours}")

    def test_preload(self):
        for probe in PROBES:
            for file in self.generated:
                for expression in FILTERS:
                    with self.subTest(probe=probe, file=file, filter=expression[:40]):
                        self.compare("preload", probe, file, expression)

    def test_dropin(self):
        for way in ("drop-in", "preload and drop-in"):
            for probe in PROBES:
                for file in self.generated[::3]:
                    with self.subTest(way=way, probe=probe, file=file):
                        self.compare(way, probe, file, setting.TWENTY_HOSTS)

    def test_filters_of_exit_handlers(self):
        for way in setting.WAYS:
            with self.subTest(way=way):
                self.compare(way, "exits", self.generated[0], setting.TWENTY_HOSTS)

    @unittest.skipIf("IPJIT_SANITIZER" in os.environ, "a sanitizer's own locks are held at fork()")
    def test_filters_of_forked_children(self):
        for way in setting.WAYS:
            with self.subTest(way=way):
                self.compare(way, "forks", self.generated[0], setting.TWENTY_HOSTS)

    def test_corpus(self):
        for file in self.files[len(self.generated):]:
            for expression in ("tcp", "not ip or udp"):
                with self.subTest(file=file, filter=expression):
                    self.compare("preload", "counts", file, expression)


if __name__ == "__main__":
    unittest.main()
