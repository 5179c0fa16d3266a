#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The debug kernel's part of docs/measurements.md, from the JSON that scripts/vm-debug leaves.

    measurements_debug.py --show debug.json      prints the part
    measurements_debug.py debug.json PAGE.md     puts it into the page, in place of the old one
"""
import json
import pathlib
import re
import sys

from measurements_tier2 import table

TITLE = "## On a kernel that watches itself"


def rows(scripts):
    for name, run in scripts.items():
        said = [*run["notes"], *run["failed"]]
        yield [name, str(run["passed"]), str(len(run["failed"])), str(run["skipped"]), f"{run['seconds']:.0f}",
               run["machine"], run["date"], f"`{run['commit']}`", "; ".join(said) or "-"]


def sections(debug):
    if not debug:
        return
    yield TITLE + "\n"
    yield (f"Linux {debug['release']}, built by `kernel-glue/vm/debug-kernel.sh` from Debian's source"
           f"{', fully preemptible' if debug['preempt'] else ''}, with {', '.join(debug['watchers'])}; "
           "QEMU `-accel tcg`; `scripts/vm-debug`. A complaint in the kernel's log fails the script that was "
           "running; after each script the module is unloaded and kmemleak looks twice. Seconds are the guest's.\n")
    yield table(["script", "passed", "failed", "skipped", "s", "machine", "date", "commit", "what it said, and what failed"],
                list(rows(debug["scripts"])))


def part_of(page):
    """The part as it stands in the page; nothing where it does not."""
    found = re.search(re.escape(TITLE) + r"\n.*?(?=^## |\Z)", page, re.S | re.M)
    return found[0] if found else ""


def replaced(page, part):
    """The page with the part in place of the old one, or at its end."""
    old = part_of(page)
    return page.replace(old, part) if old else page.rstrip("\n") + "\n\n" + part


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    name = argv[2] if argv[1] == "--show" else argv[1]
    part = "\n".join(sections(json.loads(pathlib.Path(name).read_text()))) + "\n"
    if argv[1] == "--show":
        print(part, end="")
    else:
        page = pathlib.Path(argv[2])
        page.write_text(replaced(page.read_text(), part).rstrip("\n") + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
