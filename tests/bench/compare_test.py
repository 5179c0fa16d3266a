#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench/compare on made-up results: noise is no news, a change is, and bad files are refused."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

COMPARE = pathlib.Path(__file__).resolve().parents[2] / "bench" / "compare"


def spread(values, keep=False):
    values = sorted(values)
    cell = {"median": values[len(values) // 2], "min": values[0], "max": values[-1]}
    return cell | ({"values": values} if keep else {})


class Compare(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.at = pathlib.Path(self.directory.name)

    def write(self, name, document):
        path = self.at / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    def run_on(self, old, new, *options):
        """(exit status, output, errors) for two documents."""
        paths = [self.write(f"{side}.json", document) for side, document in (("old", old), ("new", new))]
        return self.run_paths(*paths, *options)

    def run_paths(self, *words):
        done = subprocess.run([sys.executable, COMPARE, *words], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def one(self, values, keep=False, key="hot"):
        return {"filters": [{"id": "c", "engines": [{"name": "tier2", key: spread(values, keep)}]}]}

    def test_equal_results_say_nothing(self):
        same = self.one([10, 11, 12])
        status, out, _ = self.run_on(same, same)
        self.assertEqual(status, 0)
        self.assertEqual(out, "0 slower, 0 faster, 1 the same within noise or 3 %, 0 on one side only\n")

    def test_slower_beyond_the_ranges_fails(self):
        status, out, _ = self.run_on(self.one([10, 11, 12]), self.one([15, 16, 17]))
        self.assertEqual(status, 1)
        self.assertIn("slower:\n    0.688x  filters/c/engines/tier2/hot: 11.0 [10.0-12.0] -> 16.0 [15.0-17.0]", out)

    def test_faster_is_no_failure(self):
        status, out, _ = self.run_on(self.one([15, 16, 17]), self.one([10, 11, 12]))
        self.assertEqual(status, 0)
        self.assertIn("faster:\n    1.455x", out)

    def test_overlapping_ranges_are_noise(self):
        status, out, _ = self.run_on(self.one([10, 11, 16]), self.one([15, 16, 17]))
        self.assertEqual(status, 0)
        self.assertIn("0 slower, 0 faster, 1 the same", out)

    def test_a_difference_below_the_least_is_no_news(self):
        old, new = self.one([100, 100, 100]), self.one([102, 102, 102])
        self.assertEqual(self.run_on(old, new)[0], 0)
        self.assertEqual(self.run_on(old, new, "--least", "1")[0], 1)

    def test_single_values_are_bootstrapped(self):
        # One outlier makes the ranges overlap; eighteen values say that the median moved.
        old = [10.0 + 0.01 * i for i in range(17)] + [14.0]
        new = [12.0 + 0.01 * i for i in range(18)]
        self.assertEqual(self.run_on(self.one(old), self.one(new))[0], 0)
        self.assertEqual(self.run_on(self.one(old, keep=True), self.one(new, keep=True))[0], 1)

    def test_bootstrap_forgives_wide_noise(self):
        old, new = [8, 10, 12, 9, 11, 13, 10, 12, 8], [9, 10.5, 12.5, 8, 11, 13, 10, 12.5, 9]
        self.assertEqual(self.run_on(self.one(old, keep=True), self.one(new, keep=True))[0], 0)

    def test_rates_and_ratios_are_better_when_they_rise(self):
        for key in ("mb_per_s", "over_libpcap"):
            rising = self.run_on(self.one([50, 51, 52], key=key), self.one([90, 91, 92], key=key))
            falling = self.run_on(self.one([90, 91, 92], key=key), self.one([50, 51, 52], key=key))
            self.assertEqual((rising[0], falling[0]), (0, 1), key)

    def test_rows_are_matched_by_name_not_by_place(self):
        row = lambda name, values: {"name": name, "hot": spread(values)}
        old = {"engines": [row("slow", [50, 51, 52]), row("quick", [1, 1.1, 1.2])]}
        new = {"engines": [row("quick", [1, 1.1, 1.2]), row("new", [9, 9, 9]), row("slow", [50, 51, 52])]}
        status, out, _ = self.run_on(old, new, "--all")
        self.assertEqual(status, 0)
        self.assertIn("only new: engines/new/hot", out)

    def test_google_benchmark(self):
        def document(times):
            return {"context": {}, "benchmarks": [
                {"name": "swap", "run_name": "swap", "run_type": "iteration", "cpu_time": t, "real_time": 99 * t}
                for t in times] + [{"name": "swap_mean", "run_name": "swap", "run_type": "aggregate", "cpu_time": 1}]}
        status, out, _ = self.run_on(document([10, 10.1, 10.2, 10.1, 10]), document([13, 13.1, 13.2, 13, 13.1]))
        self.assertEqual(status, 1)
        self.assertIn("swap: 10.1 [10.0-10.2] -> 13.1 [13.0-13.2]", out)

    def test_directories_are_compared_file_by_file(self):
        for side, values in (("old", [10, 11, 12]), ("new", [20, 21, 22])):
            self.write(f"{side}/packets.json", self.one(values))
            self.write(f"{side}/only-{side}.json", self.one(values))
        status, out, _ = self.run_paths(self.at / "old", self.at / "new")
        self.assertEqual(status, 1)
        self.assertIn("packets/filters/c/engines/tier2/hot", out)
        self.assertIn("1 slower, 0 faster", out)

    def test_what_cannot_be_compared_is_said(self):
        good = self.write("good.json", self.one([1, 2, 3]))
        for bad, why in ((self.at / "missing.json", "No such file"), (self.write("bad.json", "{"), "no JSON"),
                         (self.write("list.json", "[]"), "not a result"),
                         (self.write("else.json", {"x": spread([1, 2, 3])}), "no measurement is in both"),
                         (self.at, "one is a directory")):
            status, out, err = self.run_paths(good, bad)
            self.assertEqual((status, out), (2, ""), bad)
            self.assertIn(why, err)


if __name__ == "__main__":
    unittest.main()
