# SPDX-License-Identifier: BSD-2-Clause
"""The part of docs/measurements.md that ipjit-pktbench measures: packets through DPDK ports."""
from measurements_tier2 import cell, digits, engine, table

OURS, RIVAL = "ipjit tier2 burst", "rte_bpf JIT"
FORWARD_MPPS, THROUGHPUT = 35, 0.97
KEPT_RATE = 0.99  # of the swaps that were wanted: with fewer, the rest says nothing
END_TO_END = {"c": 1.5, "g": 1.8}
SUBTRACTED = {"g": 6}


def verdict(value, target):
    return "yes" if value >= target else "**no**"


def times_faster(row):
    """Of our burst engine over rte_bpf's JIT, or its repaired form where that is the one that is right."""
    return engine(row, OURS).get("times_faster", {}).get(row["reference"], {})


def filter_targets(contests):
    for row in contests:
        over = times_faster(row)
        what = f"{row['name']}, ports and all, {OURS} over {row['reference']}"
        if row["name"] in END_TO_END and over:
            target = END_TO_END[row["name"]]
            yield what, f"{target}x", cell(over["end_to_end"]) + "x", verdict(over["end_to_end"]["median"], target)
        if row["name"] in SUBTRACTED and "subtracted" in over:
            target = SUBTRACTED[row["name"]]
            yield (what + ", forwarding taken away", f"{target}x", cell(over["subtracted"]) + "x",
                   verdict(over["subtracted"]["median"], target))


def rate_targets(pktbench):
    """(what, target, measured, reached)"""
    contests = pktbench["filters"]["contests"]
    forward = contests[0]["engines"][0]["mpps"]
    yield (f"forward only, 64-byte packets, {pktbench['port']}", f"{FORWARD_MPPS} Mpps", cell(forward) + " Mpps",
           verdict(forward["median"], FORWARD_MPPS))
    yield from filter_targets(contests)


def swap_targets(document):
    swap = document["swap"]
    share = lambda of: f"{100 * of['median']:.1f} % [{100 * of['min']:.1f}-{100 * of['max']:.1f}]"
    kept, bad = swap["throughput"], swap["with"]["wrong"] + swap["with"]["lost"] + swap["with"]["dropped"]
    yield (f"{swap['per_second']:.0f} swaps a second for {swap['seconds']:.0f} s under load",
           "0 wrong, 0 lost, 97 % of the throughput",
           f"{swap['with']['wrong']} wrong, {swap['with']['lost'] + swap['with']['dropped']} lost of "
           f"{swap['with']['packets'] / 1e6:.0f} M, {share(kept)} on the wall, {share(swap['busy_throughput'])} by CPU time",
           "**no**" if bad or swap["per_second"] < KEPT_RATE * swap["wanted_per_second"]
           else verdict(kept["median"], THROUGHPUT))


def contest_table(row):
    lines = []
    for one in row["engines"]:
        if "refusal" in one:
            lines.append([one["name"], one["refusal"], *["-"] * 8])
            continue
        over = one.get("times_faster", {}).get(row["reference"], {})
        ratio = lambda kind: digits(over[kind]["median"]) + "x" if kind in over else "-"
        first = one is row["engines"][0]
        lines.append([one["name"] + (f", by then {one['state']}" if "tier2" in one["name"] else ""),
                      cell(one["mpps"]), digits(one["ns"]["median"]), digits(one["cycles"]["median"]),
                      "-" if first else digits(max(0, one["over_forward_ns"]["median"])), ratio("end_to_end"),
                      ratio("subtracted"), " / ".join(digits(one["burst_us"][q]) for q in ("p50", "p99", "p99.9")),
                      str(one["dropped"] + one["lost"]),
                      "-" if first else f"{one['matches']:,}" + ("" if one["agrees"] else " (!)")])
    yield table(["engine", "Mpps", "ns", "TSC cycles", "ns without forwarding", f"over {row['reference']}",
                 "the same without forwarding", "burst, us: p50 / p99 / p99.9", "lost", "matches"], lines)
    for one in row["engines"]:
        if "wrong" in one:
            wrong = one["wrong"]
            yield (f"(!) {one['name']}: {wrong['packets']:,} packets wrong: {'; '.join(wrong['known_bugs'])}. Packet "
                   f"{wrong['first']} gets {wrong['got']} and must get {wrong['want']}: `{wrong['hex']}`\n")


def swap_table(swap):
    rows = []
    for name, key in (("without swaps", "without"), ("with swaps", "with")):
        side = swap[key]
        rows.append([name, cell(side["mpps"]), f"{side['packets'] / 1e6:.0f} M", str(side["wrong"]),
                     str(side["lost"] + side["dropped"]), digits(side["burst_p99.9_us"]), digits(side["longest_us"]),
                     f"{side['stalls']:,}"])
    return table(["", "Mpps", "packets", "wrong", "lost", "burst p99.9, us", "longest stall, us", "stalls over 50 us"], rows)


def phase_table(phase):
    starts = [mark["seconds"] for mark in phase["marks"]] + [float("inf")]
    rows = []
    for series in phase["series"]:
        for mark, end in zip(phase["marks"], starts[1:]):
            points = [i for i, at in enumerate(series["seconds"]) if mark["seconds"] <= at < end]
            if not points:
                continue
            mpps = sorted(series["mpps"][i] for i in points)
            last = points[-1]
            rows.append([series["name"], mark["what"], digits(mpps[len(mpps) // 2]), digits(mpps[0]),
                         series["engine"][last] or "-", str(series["builds"][last]), str(series["retreats"][last])])
    return table(["engine", "traffic", "Mpps, median of windows", "lowest", "runs at its end", "builds so far",
                  "retreats so far"], rows)


def rate_section(pktbench):
    yield (f"`ipjit-pktbench` (`bench/dpdk/`): {pktbench['dpdk']}, {pktbench['port']}, {pktbench['lcores']} lcore, bursts "
           f"of {pktbench['burst']}, {'huge pages' if pktbench['huge_pages'] else 'no huge pages reserved'}; "
           f"{pktbench['filters']['traffic']}. Generator and filter run to completion on one lcore; a packet passes four "
           "ring operations, its mbuf and first line are asked for before the engine sees it, and `forward only` is all "
           "that without a filter. Mpps and ns are the lcore's CPU time, latencies time on the wall.\n")
    yield "![ns a packet through ports, by filter and engine](plots/ports.png)\n"
    for row in pktbench["filters"]["contests"]:
        name = f"`{row['described'][:60]}{' ...' if len(row['described']) > 60 else ''}`" if row["described"] else "(empty)"
        yield f"### {row['name']}: {name}\n"
        yield from contest_table(row)


def rule_section(pktbench):
    if not pktbench.get("rules"):
        yield "Not measured: the file of rules is not on this machine.\n"
    for row in pktbench.get("rules", []):
        yield f"{row['name']}; {row['described']}.\n"
        yield from contest_table(row)


def swap_section(document):
    swap = document["swap"]
    yield (f"Filter {swap['filter']}, tier 1, {swap['swaps']:,} replacements ({digits(swap['replace_us'])} us each) in segments "
           "that take turns with segments without; each packet knows what either program must say. Throughput with swaps is "
           f"{100 * swap['throughput']['median']:.1f} % of without by the clock on the wall, and "
           f"{100 * swap['busy_throughput']['median']:.1f} % by the lcore's CPU time.\n")
    yield "![throughput with swaps and without](plots/swap.png)\n"
    yield swap_table(swap)


def phase_section(document):
    yield f"Filter {document['phase']['filter']}.\n"
    yield "![Mpps while the traffic changes](plots/phase-ports.png)\n"
    yield phase_table(document["phase"])


# As in measurements.py.
SECTIONS = [
    ("## Packets through DPDK ports", ["pktbench"], rate_section),
    ("### Rule sets of 5-tuples", ["pktbench"], rule_section),
    ("### Replaced under load", ["pktbench_swap"], swap_section),
    ("### Traffic that changes, through ports", ["pktbench_phase"], phase_section),
]
TARGETS = [(["pktbench"], rate_targets), (["pktbench_swap"], swap_targets)]
