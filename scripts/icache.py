#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Instruction-cache misses of a set of filters, with and without the layout of tier 2.

    icache.py [--smoke] BENCH OUT.json

Runs icache_bench under valgrind's callgrind, once for each layout.  Without valgrind it says so and
writes nothing; status 77.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

I1 = {"bytes": 32768, "ways": 8, "line": 64}


def measure(bench, layout, *options):
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "callgrind.out"
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--cache-sim=yes", f"--I1={I1['bytes']},{I1['ways']},{I1['line']}",
             "--instr-atstart=no", f"--callgrind-out-file={out}", bench, "--layout", layout, *options],
            capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"icache: {bench} --layout {layout} under valgrind: {run.stderr[-800:]}")
        events, totals = [], []
        for line in out.read_text().splitlines():
            if line.startswith("events:"):
                events = line.split()[1:]
            if line.startswith(("summary:", "totals:")):
                totals = [int(word) for word in line.split()[1:]]
    counts = dict(zip(events, totals))
    return {**json.loads(run.stdout), "instructions": counts["Ir"], "i1_misses": counts["I1mr"]}


def main(argv):
    words = argv[1:]
    smoke = [word for word in words if word == "--smoke"]
    words = [word for word in words if word != "--smoke"]
    if len(words) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    bench, out = words
    if not shutil.which("valgrind"):
        print("icache: no valgrind here: instruction-cache misses are not measured", file=sys.stderr)
        return 77
    rows = [{"name": name, **measure(bench, layout, *smoke)} for name, layout in
            (("in the order of the program", "off"), ("hot ones in a row", "on"))]
    if rows[0]["matches"] != rows[1]["matches"]:
        sys.exit("icache: the two layouts match different packets")
    for row in rows:
        print(f"{row['name']:30} {row['code_bytes']:8} bytes of code {row['instructions']:12} instructions "
              f"{row['i1_misses']:10} I1 misses")
    result = {"filters": rows[0]["filters"], "packets": rows[0]["packets"], "rows": rows,
              "i1": f"{I1['bytes'] // 1024} KiB, {I1['ways']} ways"}
    pathlib.Path(out).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
