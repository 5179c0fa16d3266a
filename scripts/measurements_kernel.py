#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's part of docs/measurements.md, from the JSON that scripts/vm-bench leaves.

    measurements_kernel.py --stamp kernel.json     notes commit and date in it
    measurements_kernel.py --show kernel.json      prints the part
    measurements_kernel.py kernel.json PAGE.md     puts it into the page, in place of the old one
"""
import json
import pathlib
import re
import sys

import bench_part
from measurements_tier2 import digits, table, verdict

TITLE = "## In the kernel"
OLDER = "Not of this run, but of the last that counted (`scripts/vm-bench`)."
# Filter: our instructions as a share of the kernel JIT's, at most.
SHARES = {"b": 1.2, "c": 0.5, "d": 0.5, "e": 0.5, "f": 0.5, "g": 0.15, "i": 1.2, "j": 0.5}
VERIFY_PER_BYTE, ATTACH_PACKETS = 150, 100
NAMES = {"g": "g (100 hosts)"}


def target_rows(kernel):
    phases = kernel["filters"]["phases"]
    for name, share in SHARES.items():
        theirs, ours = phases["kernel"][name]["linear"]["mean"], phases["tier1"][name]["linear"]["mean"]
        yield (f"{NAMES.get(name, name)}: instructions, share of the kernel JIT's", f"{share}x",
               f"{ours / theirs:.2f}x", verdict(ours <= share * theirs))
    per_byte = kernel["verify_cycles"] / kernel["verify_bytes"]
    yield ("verification in the kernel, instructions per code byte", str(VERIFY_PER_BYTE), f"{per_byte:.0f}",
           verdict(per_byte <= VERIFY_PER_BYTE))
    attach = kernel["attach"]
    yield ("attach to our tier 1 at 10,000 packets a second", f"before packet {ATTACH_PACKETS}",
           f"after {attach['median']} (at most {attach['max']}) of {attach['filters']} filters",
           verdict(not attach["never"] and attach["max"] < ATTACH_PACKETS))


def filter_rows(kernel):
    phases = kernel["filters"]["phases"]
    tiers = kernel.get("tiers", {})  # by the filter's length: what it ran after the last phase
    for name, insns in kernel["filters"]["insns"].items():
        cells = [NAMES.get(name, name), str(insns)]
        for form in ("linear", "split"):
            for phase in ("kernel", "tier1", "tier2"):
                row = phases.get(phase, {}).get(name, {}).get(form)
                if phase == "tier2" and tiers.get(str(insns)) != 2:
                    row = None
                cells.append(f"{digits(row['mean'])} [{digits(row['min'])}-{digits(row['max'])}]" if row else "-")
        yield cells


def sections(kernel):
    if not kernel:
        return
    filters = kernel["filters"]
    yield TITLE + "\n"
    yield (f"Instructions per packet in the virtual machine, Linux {kernel['kernel']}, QEMU `-icount shift=0`: exact, and "
           "the same on every machine. From the first instruction of the filter call to its return, statistics and "
           f"sampling on; {filters['frames']:,} generated frames (`bench/traffic`), {filters['rounds']} rounds, "
           "interrupts off, one boot. "
           "`kernel` is the kernel's own JIT. *In one piece*: linear; *split*: all but the Ethernet header in pages, where "
           "our code passes on to the kernel's what it cannot see. *Tier 2*: specialised for these frames in one piece, where "
           "the cost model expects a gain, and without the race against tier 1, which here would count instructions too: "
           "it trades branches that are mispredicted for instructions, so it may well have more of them. "
           "Mean [least-most of one frame]. `scripts/vm-bench`"
           + (f", {kernel['date']}, commit {kernel['commit']}.\n" if "commit" in kernel else ".\n"))
    yield table(["", "target", "measured", "reached"], [list(row) for row in target_rows(kernel)])
    yield table(["filter", "cBPF instructions", "kernel, in one piece", "tier 1", "tier 2", "kernel, split", "tier 1", "tier 2"],
                list(filter_rows(kernel)))


def part_of(page):
    """The part as it stands in the page; nothing where it does not."""
    found = re.search(re.escape(TITLE) + r"\n.*?(?=^## |\Z)", page, re.S | re.M)
    return found[0] if found else ""


def kept(page):
    """The part as it stands in the page, which says that it is older than the rest."""
    part = part_of(page)
    return part if OLDER in part else part.replace(TITLE + "\n", f"{TITLE}\n\n{OLDER}\n", 1)


def replaced(page, part):
    """The page with the part in place of the old one, or at its end."""
    old = part_of(page)
    if old:
        return page.replace(old, part)
    return page.rstrip("\n") + "\n\n" + part


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    if argv[1] == "--stamp":
        bench_part.write(argv[2], bench_part.read(argv[2]) | {"commit": bench_part.commit(), "date": bench_part.now()})
        return 0
    name = argv[2] if argv[1] == "--show" else argv[1]
    part = "\n".join(sections(json.loads(pathlib.Path(name).read_text()))) + "\n"
    if argv[1] == "--show":
        print(part, end="")
    else:
        page = pathlib.Path(argv[2])
        page.write_text(replaced(page.read_text(), part))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
