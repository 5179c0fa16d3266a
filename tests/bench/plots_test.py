#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""scripts/plots.py on made-up results: every picture is drawn, and twice the same."""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PLOTS = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "plots.py"


def spread(value):
    return {"median": value, "min": value * 0.9, "max": value * 1.2}


def packets():
    slow = {"name": "libpcap", "hot": spread(500), "stream": spread(5000)}
    ours = {"name": "ipjit tier2", "hot": spread(3), "stream": spread(9)}
    refused = {"name": "rte_bpf JIT repaired", "refusal": "too long"}
    return {"filters": [{"id": name, "engines": [slow, refused, ours]} for name in "cgh"]}


def micro():
    def curve(name, power):
        points = [{"size": n, "ns": spread(5 * n ** power)} for n in (1, 10, 100)]
        return {"name": name, "points": points, "upper_exponent": power, "exponent": power, "slope_ns": 1}
    return {"scaling": [curve("rules/libpcap hosts", 1.0), curve("rules/tier1 hosts", 0.1),
                        curve("compile/tier1 chain", 0.8), curve("lookup find/u32", 0.0)]}


def phase():
    series = [{"at_s": 0.1 * i, "ratio": 1 + 0.01 * i, "tier": 1 + i % 2} for i in range(8)]
    return {"filters": [{"id": "c", "phases": [{"name": "c: usual", "seconds": 0.8, "series": series},
                                               {"name": "c: rare", "seconds": 0.8, "series": series}]}]}


def model():
    def shape(name, ns):
        return {"name": name, "tier1": {"stream": spread(ns)}, "tier2": {"stream": spread(ns)}}
    return {"filters": [{"id": "c", "shapes": [shape("general", 9), shape("specialised", 7),
                                               shape("without layout", 8), shape("with fold_facts", 6.9)]}]}


@unittest.skipUnless(importlib.util.find_spec("matplotlib"), "no python3-matplotlib")
class Plots(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Without a home that it may write to matplotlib complains, and the first time it looks for fonts, of
        # which it says something too where that takes it more than five seconds.
        home = tempfile.TemporaryDirectory()
        cls.addClassCleanup(home.cleanup)
        cls.environment = {**os.environ, "MPLCONFIGDIR": home.name}
        subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], env=cls.environment, check=True,
                       capture_output=True)

    def draw(self, at, out):
        done = subprocess.run([sys.executable, PLOTS, at, out], capture_output=True, text=True, env=self.environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return {p.name: p.read_bytes() for p in out.iterdir()}

    def test_every_picture_twice_the_same(self):
        with tempfile.TemporaryDirectory() as directory:
            at = pathlib.Path(directory)
            for name, document in (("packets", packets()), ("micro", micro()), ("phase", phase()), ("model", model())):
                (at / f"{name}.json").write_text(json.dumps(document))
            first, second = self.draw(at, at / "one"), self.draw(at, at / "two")
            names = ("packets-hot", "packets-stream", "rules", "compile", "lookup", "phases", "ablation")
            self.assertEqual(set(first), {f"{name}.{kind}" for name in names for kind in ("svg", "png")})
            for name in first:
                self.assertEqual(first[name], second[name], name)
            for name in (n for n in first if n.endswith(".svg")):
                self.assertNotIn(b"<dc:date>", first[name])

    def test_what_is_not_there_is_not_drawn(self):
        with tempfile.TemporaryDirectory() as directory:
            at = pathlib.Path(directory)
            (at / "model.json").write_text(json.dumps(model()))
            self.assertEqual(set(self.draw(at, at / "out")), {"ablation.svg", "ablation.png"})


if __name__ == "__main__":
    unittest.main()
