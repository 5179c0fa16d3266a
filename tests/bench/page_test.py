#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The page and the pictures of a run, made of what each benchmark's smoke left; and of runs that failed.

    page_test.py DIRECTORY_OF_RESULTS
"""
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

RESULTS = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = SOURCE / "scripts"
PARTS = ["compile", "packets", "model", "phase", "swap", "micro", "tcpdump"]
# What a machine without LLVM, valgrind or DPDK does not leave.
MAYBE = ["tier2_compile", "icache", "pktbench", "pktbench_swap", "pktbench_phase"]


def run(*words):
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, cwd=SOURCE)


class Page(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.at = pathlib.Path(directory.name)
        self.run_json = self.at / "run.json"
        self.done("bench_part.py", "begin", self.run_json, "make bench", "600")

    def done(self, script, *words, status=0):
        done = run(SCRIPTS / script, *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def part(self, name, *command):
        out = self.at / f"{name}.json"
        return self.done("bench_part.py", "part", self.run_json, name, out, "--",
                         *(command or ("cp", RESULTS / f"{name}.json", out)))

    def all_parts(self):
        there = PARTS + [name for name in MAYBE if (RESULTS / f"{name}.json").exists()]
        for name in there:
            self.assertIn(f"bench: {name} done: ", self.part(name))
        return there

    def page(self):
        path = self.at / "page.md"
        self.done("measurements.py", self.at, path)
        text = path.read_text()
        columns = 0
        for line in text.splitlines():  # no row has more or fewer cells than its head
            cells = line.replace("\\|", "").count("|") if line.startswith("|") else 0
            if cells:
                self.assertIn(columns, (0, cells), line)
            columns = cells
        return text

    def test_every_part_is_on_the_page(self):
        there = self.all_parts()
        text = self.page()
        absent = len(MAYBE) + len(PARTS) - len(there)
        self.assertEqual("Not measured: " in text, absent > 0, text)
        for name in there:
            self.assertIn(f"\n| {name} | ", text)
        for wanted in ("| commit | ", "| date | ", "| load | average ", "| speed of the CPU | a fixed loop took ",
                       "| machine | ", "| command | `make bench` |"):
            self.assertIn(wanted, text)
        self.assertIn(f"{len(there)} parts in 0:", self.done("bench_part.py", "end", self.run_json))

    def test_a_part_that_fails_is_missing_and_says_so(self):
        self.all_parts()
        (self.at / "swap.json").write_text("{}")  # as if of an earlier run
        self.assertIn("swap FAILED, ended in status 3", self.part("swap", "sh", "-c", "exit 3"))
        self.assertFalse((self.at / "swap.json").exists())
        self.assertIn("packets FAILED, died of signal 9", self.part("packets", "sh", "-c", "kill -9 $$"))
        self.assertIn("model FAILED, nosuch: No such file", self.part("model", "nosuch"))
        self.assertIn("micro FAILED, left no result", self.part("micro", "true"))
        self.assertIn("icache skipped", self.part("icache", "sh", "-c", "exit 77"))
        text = self.page()
        self.assertIn("**Missing, because they failed: swap ended in status 3; packets died of signal 9; model nosuch", text)
        self.assertIn("## Swaps\n\nNot measured: swap: ended in status 3.\n", text)
        self.assertIn("| swap | - | swap: ended in status 3 | - |", text)
        self.assertIn("## Packets\n\nNot measured: packets: died of signal 9.\n", text)
        self.assertIn("failed, and missing on the page: swap, packets, model, micro\n",
                      self.done("bench_part.py", "end", self.run_json, status=1))

    def test_a_cpu_that_changes_its_speed_is_named(self):
        self.all_parts()
        self.assertGreater(min(part["loop_ms"] for part in json.loads(self.run_json.read_text())["parts"]), 0)
        for slowest, said in ((11.9, False), (12.1, True)):
            self.edit_run(lambda parts: [part.update(loop_ms=10.0) for part in parts] + [parts[0].update(loop_ms=slowest)])
            self.assertEqual("not constant" in self.page(), said)

    def edit_run(self, change):
        run = json.loads(self.run_json.read_text())
        change(run["parts"])
        self.run_json.write_text(json.dumps(run))

    def test_nothing_at_all_is_a_page_too(self):
        text = self.page()
        self.assertIn("Not measured: packets: not built here.", text)

    def test_the_kernels_part_stays_and_says_that_it_is_older(self):
        page = self.at / "page.md"
        page.write_text("# Measurements\n\n## In the kernel\n\nCounted.\n\n| a |\n|---|\n| 1 |\n")
        for _ in range(2):
            text = self.page()
            self.assertEqual(text.count("Not of this run"), 1)
            self.assertTrue(text.endswith("| 1 |\n"), text[-200:])

    def test_a_run_compared_with_itself_is_the_same(self):
        there = self.all_parts()
        shutil.copytree(self.at, self.at / "before")
        for name in there:
            shutil.copy(self.at / f"{name}.json", self.at / "before")
        done = run(SOURCE / "bench" / "compare", self.at / "before", self.at)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 slower, 0 faster, ", done.stdout)

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "no python3-matplotlib")
    def test_every_picture_that_the_page_shows_is_drawn(self):
        self.all_parts()
        out = self.at / "plots"
        self.done("plots.py", self.at, out)
        for line in self.page().splitlines():
            if line.startswith("!["):
                name = line[line.index("(plots/") + 7:-1]
                self.assertGreater((out / name).stat().st_size, 10_000, name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
