#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where there is no LLVM, everything but tier 2's own compiler is built, and configuring says so.

A second whole build would cost minutes.  This one is configured as if LLVM were not installed and
compared with the build that is there: whatever both compile by the same command compiles, so only
what differs is compiled here.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

KEPT = ["CMAKE_BUILD_TYPE", "CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_C_COMPILER_LAUNCHER",
        "CMAKE_CXX_COMPILER_LAUNCHER", "CMAKE_C_FLAGS_RELWITHDEBINFO",
        "CMAKE_CXX_FLAGS_RELWITHDEBINFO", "CMAKE_INSTALL_PREFIX", "IPJIT_BENCH", "IPJIT_TESTS",
        "IPJIT_UNITY_TESTS"]


def cache_of(build):
    text = (build / "CMakeCache.txt").read_text()
    return dict(re.findall(r"^(\w+):\w+=(.*)$", text, re.MULTILINE))


def commands_of(build):
    """Object -> command, without the place of the build."""
    commands = [entry["command"].replace(str(build), "BUILD")
                for entry in json.loads((build / "compile_commands.json").read_text())]
    return {re.search(r" -o (\S+)", command)[1]: command for command in commands}


class NoLlvm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.here = pathlib.Path(os.path.realpath(folder.name))
        cache = cache_of(cls.build)
        options = [f"-D{name}={cache[name]}" for name in KEPT if name in cache]
        done = subprocess.run(
            [cls.cmake, "-S", cls.source, "-B", cls.here, "-G", "Ninja", *options,
             "-DCMAKE_DISABLE_FIND_PACKAGE_LLVM=ON"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.said = done.stdout

    def test_configuring_says_so(self):
        self.assertIn("no LLVM 19 (Debian: llvm-19-dev): tier 2 is not built, all else is", self.said)

    def test_nothing_asks_for_llvm(self):
        every = subprocess.run(["ninja", "-C", self.here, "-t", "commands", "all"],
                               capture_output=True, text=True, check=True).stdout
        self.assertIn("libipjit.so", every)
        self.assertIsNone(re.search(r"libLLVM|llvm-19/(include|lib/(?!clang/))", every))
        self.assertNotIn("ipjit_tier2_program", every)

    def test_what_is_compiled_otherwise_compiles(self):
        with_llvm, without = commands_of(self.build), commands_of(self.here)
        self.assertGreater(len(without), 100)
        others = [output for output in without if without[output] != with_llvm.get(output)]
        self.assertLess(len(others), 10, others)
        for output in others:
            subprocess.run(["ninja", "-C", self.here, output], check=True,
                           stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ["source", "build", "cmake"]:
        parser.add_argument(f"--{name}", required=True)
    options, rest = parser.parse_known_args()
    NoLlvm.source, NoLlvm.cmake = options.source, options.cmake
    NoLlvm.build = pathlib.Path(os.path.realpath(options.build))
    unittest.main(argv=["no_llvm_test.py", *rest])
