#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Shows that the differential test is strong: each deliberate fault of tier 1 is caught by it.

    tests/differential/mutants.py --build build-release [--programs 20000] [--only N]

mutants.txt lists one-line faults of the code generator.  For each, the changed source is compiled
beside the real one and linked in front of its archive, so the tree stays as it is; the differential
test must then fail within the budget, by a wrong verdict or by the verifier's refusal; a budget of
programs, which are the same ones on every machine, and not of time.  A fault that
survives, or one that no longer applies, fails this script.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = "differential_test"
HANGS_AFTER_S = 900  # some twenty times what the budget takes


class Mutant:
    def __init__(self, about, file, old, new):
        self.about, self.file, self.old, self.new = about, file, old, new


def read_mutants(path):
    """Blocks of `about:`, `file:`, `-` old text, `+` new text, apart by empty lines; \\n is a newline."""
    mutants = []
    for block in path.read_text().split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        words = dict(line.split(": ", 1) for line in lines if line.startswith(("about", "file")))
        old = [line[2:] for line in lines if line.startswith("- ")]
        new = [line[2:] for line in lines if line.startswith("+ ")]
        if len(old) != 1 or len(new) != 1:
            sys.exit(f"mutants: a block needs one '-' and one '+' line: {block}")
        mutants.append(Mutant(words["about"], words["file"],
                              *(text[0].replace("\\n", "\n") for text in (old, new))))
    return mutants


def compile_command(build, file):
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if os.path.samefile(entry["file"], ROOT / file):
            return shlex.split(entry["command"]), entry["directory"]
    sys.exit(f"mutants: {file} is not compiled in {build}")


def link_command(build):
    """The test's own link line, as ninja or make would run it."""
    text = subprocess.run(["ninja", "-C", str(build), "-t", "commands", TARGET],
                          check=True, capture_output=True, text=True).stdout
    line = text.strip().splitlines()[-1]
    parts = [part for part in line.split("&&") if " -o " in part]
    return shlex.split(parts[-1])


def with_output(command, output):
    at = command.index("-o")
    return command[:at + 1] + [str(output)] + command[at + 2:]


def run_mutant(build, mutant, link, programs, folder):
    source = (ROOT / mutant.file).read_text()
    if source.count(mutant.old) != 1:
        return "does not apply", f"'{mutant.old}' stands {source.count(mutant.old)} times", 0.0
    changed = folder / pathlib.Path(mutant.file).name
    changed.write_text(source.replace(mutant.old, mutant.new))
    command, directory = compile_command(build, mutant.file)
    command = [part for part in command if not part.startswith("-O") and part != "-g"]
    command = [str(changed) if part.endswith(mutant.file) else part for part in command]
    command = with_output(command, folder / "mutant.o") + ["-O0", "-w"]
    made = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if made.returncode:
        return "does not compile", made.stderr.strip().splitlines()[0], 0.0
    program = folder / TARGET
    at = next(i for i, part in enumerate(link) if part.endswith(".o"))
    line = with_output(link[:at] + [str(folder / "mutant.o")] + link[at:], program)
    made = subprocess.run(line, cwd=build, capture_output=True, text=True)
    if made.returncode:
        return "does not link", made.stderr.strip().splitlines()[-1], 0.0
    begin = time.monotonic()
    try:
        test = subprocess.run([str(program), "--gtest_brief=1"], capture_output=True, text=True,
                              env=dict(os.environ, IPJIT_TEST_SECONDS="0", IPJIT_TEST_PROGRAMS=str(programs)),
                              timeout=HANGS_AFTER_S)
    except subprocess.TimeoutExpired:
        return "caught", "the test hangs", time.monotonic() - begin
    took = time.monotonic() - begin
    if test.returncode == 0:
        return "SURVIVED", "", took
    if test.returncode < 0:
        return "caught", f"signal {-test.returncode}", took
    if "engines disagree" in test.stdout:
        return "caught", "wrong verdict", took
    if "verifier:" in test.stdout:
        return "caught", "the verifier refuses it", took
    return "caught", "other: " + test.stdout.strip().splitlines()[0][:60], took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--programs", type=int, default=20_000, help="of each dialect, for each fault")
    parser.add_argument("--only", type=int, help="only this one, counted from 1")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    build = options.build.resolve()
    mutants = read_mutants(HERE / "mutants.txt")
    numbered = list(enumerate(mutants, 1))
    if options.only:
        numbered = [numbered[options.only - 1]]
    link = link_command(build)
    bad = 0

    def work(item):
        with tempfile.TemporaryDirectory(dir=build) as folder:
            return item, run_mutant(build, item[1], link, options.programs, pathlib.Path(folder))

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (number, mutant), (state, how, took) in pool.map(work, numbered):
            bad += state != "caught"
            print(f"{number:3} {state:14} {took:5.1f} s  {mutant.about}" + (f"  [{how}]" if how else ""),
                  flush=True)
    print(f"{len(numbered) - bad} of {len(numbered)} faults caught, {options.programs} programs of each dialect for each")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
