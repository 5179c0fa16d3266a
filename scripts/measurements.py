#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes docs/measurements.md from the JSON that the benchmarks leave.

    measurements.py DIRECTORY OUT.md

Nothing here is typed in but the targets: every figure comes out of a file of DIRECTORY.  run.json says
what ran, when and how long (scripts/bench_part.py); each other file is one part's.  A part without a
file is named at the top of the page, and stands in its own place as missing.
"""
import json
import pathlib
import sys

import measurements_debug as debug_part
import measurements_dpdk as dpdk_part
import measurements_kernel as kernel_part
import measurements_line_rate as line_rate_part
import measurements_micro as micro_part
import measurements_tier2 as tier2_part
from measurements_tier2 import cell, digits, engine, table

OURS = "ipjit tier1"
# The targets: (filters, rival key, set, at least)
DPDK_TARGET = ("cdefij", 1.3)
LIBPCAP_HOT = {"c": 5, "d": 5, "f": 5, "j": 5, "e": 3, "i": 2.5}
LIBPCAP_STREAM = {"g": 40, "h": 250}
COMPILE_US = {20: 15, 361: 60, 5759: 1000}
VERIFIER_MB_S, EXPRESSION_MS, TCPDUMP = 50, 200, 4
STEADY = 1.2  # between the slowest and the quickest loop of a run


def verdict(value, target, least=True):
    return "yes" if (value >= target if least else value <= target) else "**no**"


def packet_targets(packets):
    """(what, target, measured, reached), as all that follow"""
    by_id = {row["id"]: row for row in packets["filters"]}
    for name in (n for n in DPDK_TARGET[0] if n in by_id):
        over = engine(by_id[name], OURS).get("over_dpdk")
        if over:
            yield (f"{name} hot, over {by_id[name]['dpdk_reference']}", f"{DPDK_TARGET[1]}x",
                   cell(over["hot"]) + "x", verdict(over["hot"]["median"], DPDK_TARGET[1]))
        else:
            yield f"{name} hot, over rte_bpf JIT", f"{DPDK_TARGET[1]}x", "no DPDK here", "-"
    for name, target in ((n, t) for n, t in LIBPCAP_HOT.items() if n in by_id):
        over = engine(by_id[name], OURS)["over_libpcap"]["hot"]
        yield f"{name} hot, over libpcap", f"{target}x", cell(over) + "x", verdict(over["median"], target)
    for name, target in ((n, t) for n, t in LIBPCAP_STREAM.items() if n in by_id):
        over = engine(by_id[name], OURS)["over_libpcap"]["stream"]
        hosts = "100 hosts" if name == "g" else "1,000 hosts"
        yield f"{name} ({hosts}) stream, over libpcap", f"{target}x", cell(over) + "x", verdict(over["median"], target)


def compile_targets(compile_):
    for row in compile_["compile"]:
        target = COMPILE_US[row["insns"]]
        yield (f"compile + verify + publish, {row['insns']:,} instructions", f"{target:,} us",
               cell(row["replace_us"]) + " us", verdict(row["replace_us"]["median"], target, least=False))
    for row in compile_["verifier"]:
        yield (f"verifier alone, {row['code_bytes']:,} bytes of code", f"{VERIFIER_MB_S} MB/s",
               cell(row["mb_per_s"]) + " MB/s", verdict(row["mb_per_s"]["median"], VERIFIER_MB_S))
    row = next(r for r in compile_["expressions"] if r["hosts"] == 1000)
    yield ("expression of 1,000 hosts, text to running", f"{EXPRESSION_MS} ms", cell(row["ms"]) + " ms",
           verdict(row["ms"]["median"], EXPRESSION_MS, least=False))


def tcpdump_targets(tcpdump):
    row = next(r for r in tcpdump["tasks"] if r["task"] == "write")
    yield (f"tcpdump -n -r of {tcpdump['bytes'] / 1e9:.2f} GB, -w /dev/null", f"{TCPDUMP}x", cell(row["ratio"]) + "x",
           verdict(row["ratio"]["median"], TCPDUMP))


def swap_targets(swap):
    run = swap["with"]
    # Slow blocks happen without swaps too (preemption): only a rate well above that is waiting.
    quiet = swap["without"]
    per_block = lambda r: r["blocks_over_100us"] / max(1, r["packets"] / 1024)
    calm = per_block(run) <= per_block(quiet) + 1e-3
    yield (f"{run['swaps']:,} swaps under four readers", "no wait, no wrong verdict, no leak",
           f"{run['wrong']} wrong of {run['packets'] / 1e6:.0f} M; {run['blocks_over_100us']} of "
           f"{run['packets'] // 1024:,} blocks over 100 us; mappings {swap['mappings'][0]} to {swap['mappings'][1]}",
           "yes" if calm and not run["wrong"] and swap["mappings"][1] <= swap["mappings"][0] + 64 else "**no**")


def packet_tables(packets):
    for kind in ("hot", "stream", "cold"):
        yield f"### ns/packet, {kind}\n"
        names = [e["name"] for e in packets["filters"][0]["engines"]]
        rows = []
        for name in names:
            cells = [name]
            for row in packets["filters"]:
                e = engine(row, name)
                mark = "" if e.get("agrees", True) else " (!)"
                cells.append(cell(e[kind]) + mark if kind in e else "-")
            rows.append(cells)
        yield table(["engine"] + [row["id"] for row in packets["filters"]], rows)
    yield "### How many times faster than libpcap, formed inside repeats\n"
    rows = []
    for kind in ("hot", "stream", "cold"):
        for name in [e["name"] for e in packets["filters"][0]["engines"]][1:]:
            cells = [f"{name}, {kind}"]
            for row in packets["filters"]:
                over = engine(row, name).get("over_libpcap")
                cells.append(digits(over[kind]["median"]) if over else "-")
            rows.append(cells)
    yield table(["engine"] + [row["id"] for row in packets["filters"]], rows)
    yield "### Matches of 100,000, and refusals\n"
    rows = []
    for row in packets["filters"]:
        off = [f"{e['name']}: {e['refusal']}" if "refusal" in e else f"{e['name']}: {e['matches']:,}"
               for e in row["engines"] if not e.get("agrees", False) and "not written" not in e.get("refusal", "")]
        rows.append([row["id"], str(row["insns"]), f"`{row['expression'][:60]}`" if row["expression"] else "(empty)",
                     f"{row['engines'][0]['matches']:,}", "; ".join(off) or "all agree"])
    yield table(["", "instructions", "filter", "libpcap", "who differs"], rows)


def compile_tables(compile_):
    rows = []
    for row in compile_["compile"]:
        stages = row["stages_us"]
        rows.append([f"{row['insns']:,}", cell(row["replace_us"])] +
                    [digits(stages[s]["median"]) for s in ("translate", "optimize", "emit", "verify", "seal")] +
                    [f"{row['pcap_compile_us']:,.0f}",
                     cell(row["dpdk_us"]) if "dpdk_us" in row else row["dpdk_refusal"]])
    yield table(["instructions", "replace a live filter", "translate", "optimise", "emit", "verify", "seal",
                 "pcap_compile alone", "rte_bpf convert + load + JIT"], rows)


def packet_section(packets):
    yield "![ns a packet of the stream, by filter and engine](plots/packets-stream.png)\n"
    yield (f"{packets['packets']:,} generated frames (IMIX 7:4:1, 8,192 flows, Zipf-like; `bench/traffic/traffic.cpp`); "
           f"hot: 1,024 of them looped; stream: one pass over all, from the cache that the cores share; cold: the same from "
           f"memory (`bench/micro/caches.h`). {packets['repeats']} repeats (h: half). "
           "`ipjit tier1` is `ipjit_filter_run` with statistics on; `body` is the generated code called directly; `burst 32` is "
           "`ipjit_filter_run_burst`. C is compiled by clang-19 (`bench/micro/c/`), PGO with the profile of these very packets; "
           "`branch-free C` is the shape that tier 2 is held against. The floors read one byte or two of each packet's "
           "header and decide nothing; `dependent` waits for each packet before it asks for the next.\n")
    yield from packet_tables(packets)
    yield ("(!) marks an engine that matches other packets than libpcap, so that its times are those of another filter. "
           "DPDK 22.11 converts byte and word loads at `[x + k]` from the wrong register and encodes `jset` with a small "
           "constant wrongly; \"repaired\" is the same conversion and JIT with those instructions put right before "
           "loading (`bench/micro/rival_dpdk.cpp`).\n")


def compile_section(compile_):
    yield f"{compile_['rounds']} rounds.\n"
    yield from compile_tables(compile_)


def tcpdump_section(tcpdump):
    yield (f"{tcpdump['packets']:,} packets, {tcpdump['bytes'] / 1e9:.2f} GB, page cache warm, 100-host filter, "
           f"{100 * tcpdump['matched'] / tcpdump['packets']:.1f} % matched; outputs compared first and identical. "
           "`floor` reads the capture and refuses every packet at its first instruction.\n")
    yield table(["task", "tcpdump, s", "with ipjit, s", "times faster"],
                [[r["task"], cell(r["plain_s"]), cell(r["ours_s"]), cell(r["ratio"])] for r in tcpdump["tasks"]])


def swap_section(swap):
    rows = []
    for name, key in (("without swaps", "without"), ("with swaps", "with")):
        r = swap[key]
        rows.append([name, f"{r['swaps']:,}", digits(r["writer_us"]) if r["swaps"] else "-", f"{r['packets'] / 1e6:.0f} M",
                     digits(r["reader_ns"]), str(r["wrong"]), f"{r['blocks_over_100us']} of {r['packets'] // 1024:,}"])
    yield table(["four reading threads", "swaps", "us CPU a swap", "packets read", "ns a packet", "wrong verdicts",
                 "blocks of 1,024 over 100 us"], rows)
    yield (f"Mappings of the process {swap['mappings'][0]} before and {swap['mappings'][1]} after, resident "
           f"{swap['resident_kb'][0]} and {swap['resident_kb'][1]} KB.\n")


# (title, the parts that it is made of, its text); in the order of the page.
SECTIONS = [
    ("## Packets", ["packets"], packet_section),
    *tier2_part.SECTIONS,
    ("## Compiling, us", ["compile"], compile_section),
    ("## tcpdump, whole process", ["tcpdump"], tcpdump_section),
    ("## Swaps", ["swap"], swap_section),
    ("## How costs grow", ["micro"], micro_part.sections),
    *dpdk_part.SECTIONS,
    ("## At 100 Gbit/s: a calculation", ["pktbench"], line_rate_part.section),
]
# (the parts, their rows)
TARGETS = [
    (["packets"], packet_targets),
    (["compile"], compile_targets),
    (["tcpdump"], tcpdump_targets),
    (["swap"], swap_targets),
    *tier2_part.TARGETS,
    *dpdk_part.TARGETS,
]


class Results:
    """The parts of a run: what they left, or why they left nothing."""

    def __init__(self, directory):
        self.run = json.loads((directory / "run.json").read_text())
        self.notes = {part["name"]: part for part in self.run["parts"]}
        self.documents = {}
        for name in self.notes:
            path = directory / f"{name}.json"
            if path.exists():
                self.documents[name] = json.loads(path.read_text())

    def why_missing(self, names):
        """Of the first that is missing; None if all are there."""
        for name in names:
            if name not in self.documents:
                note = self.notes.get(name, {})
                return f"{name}: " + (note.get("failed") or note.get("skipped") or "not built here")
        return None

    def of(self, names):
        return [self.documents[name] for name in names]


def speed(parts):
    loops = [part["loop_ms"] for part in parts] or [0]
    words = f"a fixed loop took {min(loops):.1f} to {max(loops):.1f} ms of CPU time before the parts"
    if max(loops) > STEADY * min(loops):
        words += ": not constant, so others had shares of the cores, and nanoseconds and ranges are worth less"
    return words


def head(results):
    run, documents = results.run, results.documents
    machine = next((d["machine"] for d in documents.values() if "machine" in d), None)
    rows = []
    if machine:
        rows.append(["machine", f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}"])
        also = [documents[part][key] for part, key in (("packets", "dpdk"), ("tcpdump", "tcpdump")) if part in documents]
        rows.append(["software", ", ".join([machine["compiler"], machine["libpcap"], *also])])
    seconds = sum(part["wall_s"] for part in run["parts"])
    others = sum(part["others_cpus"] * part["wall_s"] for part in run["parts"]) / max(seconds, 1)
    rows += [["command", f"`{run['command']}`"], ["commit", run["commit"]], ["date", run["date"]],
             ["load", f"average {run['load']} before; while it ran, other processes used {others:.2f} of {run['cpus']} CPUs"],
             ["speed of the CPU", speed(run["parts"])],
             ["took", f"{seconds / 60:.1f} minutes"]]
    yield table(["", ""], rows)
    failed = [f"{name} {note['failed']}" for name, note in results.notes.items() if "failed" in note]
    lacking = [f"{name} ({note['skipped']})" for name, note in results.notes.items() if "skipped" in note]
    if failed:
        yield f"**Missing, because they failed: {'; '.join(failed)}.**\n"
    if lacking:
        yield f"Not measured: {'; '.join(lacking)}.\n"


def time_table(run):
    yield table(["part", "seconds", "of CPU", "in the kernel", "CPUs that others used", "loop before, ms", ""],
                [[p["name"], f"{p['wall_s']:.0f}", f"{p['user_s']:.0f}", f"{p['system_s']:.0f}", f"{p['others_cpus']:.2f}",
                  f"{p['loop_ms']:.1f}", p.get("failed") or p.get("skipped") or ""] for p in run["parts"]])


def target_rows(results):
    for names, rows in TARGETS:
        if why := results.why_missing(names):
            yield ", ".join(names), "-", why, "-"
        else:
            yield from rows(*results.of(names))


def page(results):
    yield "# Measurements\n"
    yield ("Written by `make bench` from what the benchmarks in `bench/` printed; edit `scripts/measurements.py`, not "
           "this page. Ratios travel to other machines, nanoseconds do not.\n")
    yield from head(results)
    yield ("Cells are medians [min-max] over repeats; engines take turns inside each repeat in one process, and a ratio "
           "is formed inside a repeat. Packet and compile times are the thread's CPU time; tcpdump is wall time.\n")
    yield "## Against the targets\n"
    yield table(["what", "at least (at most)", "measured", "reached"], list(target_rows(results)))
    yield ("What falls short on quiet machines too, and why, is said in [benchmarking.md]"
           "(benchmarking.md#numbers-that-fall-short-and-why).\n")
    for title, names, text in SECTIONS:
        yield title + "\n"
        if why := results.why_missing(names):
            yield f"Not measured: {why}.\n"
        elif text:
            yield from text(*results.of(names))
    yield "## How long the parts took\n"
    yield from time_table(results.run)


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    directory, target = pathlib.Path(argv[1]), pathlib.Path(argv[2])
    parts = [*page(Results(directory))]
    # scripts/vm-bench counts what is the same on every machine, scripts/vm-debug says with which sources it
    # ran; what they have not done anew stays.
    counted = directory / "kernel.json"
    old = target.read_text() if target.exists() else ""
    kernel = [*kernel_part.sections(json.loads(counted.read_text()))] if counted.exists() else [kernel_part.kept(old)]
    watched = directory / "debug.json"
    debug = [*debug_part.sections(json.loads(watched.read_text()))] if watched.exists() else [debug_part.part_of(old)]
    kept = ["\n".join(part).rstrip("\n") + "\n" for part in (kernel, debug) if any(part)]
    target.write_text("\n".join([*parts, *kept]))
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
