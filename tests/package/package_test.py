# SPDX-License-Identifier: BSD-2-Clause
"""The library as its users meet it: installed below a staging directory.

Only the documented symbols are exported; README's first C program compiles as shown through
pkg-config and runs; a C and a C++ project find the CMake package; nothing is left behind by a
program that loads and unloads the library at run time.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ARGS = None


def run(*command, **kwargs):
    """stdout of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, **kwargs)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = pathlib.Path(tempfile.mkdtemp(prefix="ipjit-package-"))
        for component in ("library", "development"):
            run(ARGS.cmake, "--install", ARGS.build, "--component", component,
                env={**os.environ, "DESTDIR": str(cls.stage)})
        cls.pc = next(cls.stage.rglob("ipjit.pc"))
        cls.lib = next(cls.stage.rglob("libipjit.so.0")).parent
        # DESTDIR moves the tree: the prefix inside is where it is going to be.
        prefix = re.search(r"^prefix=(.*)$", cls.pc.read_text(), re.M)[1]
        cls.prefix = cls.stage / prefix.lstrip("/")
        cls.env = {**os.environ, "LD_LIBRARY_PATH": str(cls.lib),
                   "PKG_CONFIG_PATH": str(cls.pc.parent), "LC_ALL": "C"}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.stage)

    def flags(self):
        return run("pkg-config", f"--define-variable=prefix={self.prefix}", "--cflags", "--libs",
                   "ipjit", env=self.env).split()

    def compile_and_run(self, source, name, *arguments, compiler="cc", flags=()):
        path = self.stage / name
        path.write_text(source)
        binary = self.stage / (name + ".out")
        run(compiler, "-Wall", "-Wextra", "-Werror", "-O2", path, "-o", binary, *flags,
            *self.flags())
        return run(binary, *arguments, env=self.env)

    def test_exports_only_what_the_header_says(self):
        symbols = {line.split()[-1].split("@")[0]
                   for line in run("nm", "-D", "--defined-only", ARGS.library).splitlines()}
        header = "".join((ARGS.source / "include/ipjit" / name).read_text()
                         for name in ("ipjit.h", "inline.h"))
        declared = set(re.findall(r"IPJIT_API[^;(]*?\b(ipjit_\w+)\s*(?:\(|\n?\s*__attribute)", header))
        self.assertGreaterEqual(len(declared), 10)
        self.assertEqual(symbols - {"IPJIT_0"}, declared)

    def test_depends_on_little(self):
        needed = set(re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", ARGS.library)))
        allowed = {"libpcap.so.0.8", "libstdc++.so.6", "libgcc_s.so.1", "libc.so.6", "libm.so.6",
                   "ld-linux-x86-64.so.2"}
        self.assertLessEqual(needed, allowed)

    def test_has_no_executable_stack_nor_text_relocations(self):
        headers = run("readelf", "-lW", ARGS.library)
        self.assertRegex(headers, r"GNU_STACK\s.*\sRW\s")
        self.assertNotIn("TEXTREL", run("readelf", "-d", ARGS.library))

    def test_readme_example_compiles_as_shown(self):
        readme = ARGS.source / "README.md"
        blocks = re.findall(r"^```c\n(.*?)^```", readme.read_text() if readme.exists() else "",
                            re.M | re.S)
        if not blocks:
            self.skipTest("README.md has no C example")
        self.compile_and_run(blocks[0], "readme.c")

    def test_c_program_through_pkg_config(self):
        source = (ARGS.source / "tests/package/example.c").read_text()
        for standard in ("-std=gnu99", "-std=c11", "-std=c17"):
            self.assertEqual(self.compile_and_run(source, "example.c", flags=[standard]),
                             "accept 262144, arp 0, packets 2\n")
        self.assertEqual(
            self.compile_and_run(source, "example.c", flags=["-DIPJIT_NO_INLINE"]),
            "accept 262144, arp 0, packets 2\n")

    def test_cpp_program_through_pkg_config(self):
        source = (ARGS.source / "tests/package/example.c").read_text()
        for standard in ("-std=c++11", "-std=c++20"):
            self.assertEqual(self.compile_and_run(source, "example.cpp", compiler="c++",
                                                  flags=[standard]),
                             "accept 262144, arp 0, packets 2\n")

    def test_cmake_package(self):
        build = self.stage / "consumer"
        run(ARGS.cmake, "-S", ARGS.source / "tests/package/consumer", "-B", build,
            f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DEXAMPLE={ARGS.source / 'tests/package/example.c'}")
        run(ARGS.cmake, "--build", build)
        self.assertEqual(run(build / "consumer", env=self.env), "accept 262144, arp 0, packets 2\n")

    def test_program_that_loads_and_unloads_it(self):
        source = (ARGS.source / "tests/package/unload.c").read_text()
        path = self.stage / "unload.c"
        path.write_text(source)
        binary = self.stage / "unload.out"
        run("cc", "-Wall", "-Wextra", "-Werror", path, "-o", binary, "-ldl", "-lpthread",
            f"-I{self.prefix}/include")
        self.assertEqual(run(binary, self.lib / "libipjit.so.0", env=self.env), "20 rounds\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--source", "--build", "--library"):
        parser.add_argument(option, type=pathlib.Path, required=True)
    parser.add_argument("--cmake", required=True)
    ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])
