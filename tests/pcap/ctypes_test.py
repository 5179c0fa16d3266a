# SPDX-License-Identifier: BSD-2-Clause
"""Python through ctypes: dlopen() and dlsym() find the drop-in and pass the preload library by."""
import os
import sys
import unittest

import setting


class Ctypes(unittest.TestCase):
    def test_same(self):
        script = os.path.join(os.path.dirname(__file__), "ctypes_probe.py")
        for name in ("plain.pcap", "next-generation.pcapng", "cut-in-packet.pcap"):
            for expression in ("tcp", setting.TWENTY_HOSTS):
                command = [sys.executable, script, setting.generated_capture(name), expression]
                bare = setting.Outcome(command, setting.BARE)
                self.assertEqual(bare.code, 0, str(bare))
                for way, environment in setting.WAYS.items():
                    with self.subTest(way=way, file=name, filter=expression[:30]):
                        ours = setting.Outcome(command, environment)
                        self.assertTrue(ours.same_as(bare), f"bare: {bare}\nours: {ours}")


if __name__ == "__main__":
    unittest.main()
