# SPDX-License-Identifier: BSD-2-Clause
"""Tier 2's part of docs/measurements.md: targets, ablation, compiles, break-even, phases, I-cache."""

# The targets: what is measured against what, at least (or at most).
OVER_LIBPCAP = {"c": 4.5, "d": 3.9, "f": 4.5, "j": 4.5, "g": 90, "h": 700}
OF_BRANCH_FREE, OF_C, OF_PGO, OF_TIER1 = 1.15, 1.1, 1.1, 1.0
BURST = 1.5
COMPILE_MS = {"c": 5, "g, 100 hosts": 10, "h, 1000 hosts": 30, "361 tests": 25, "2000 tests": 250}
BREAK_EVEN = 2_000_000
BACK_MS, NEVER_BELOW, SAMPLING = 100, 0.95, 0.99
NAMES = {"g": "g (100 hosts)", "h": "h (1,000 hosts)"}


def digits(value):
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def cell(spread):
    return f"{digits(spread['median'])} [{digits(spread['min'])}-{digits(spread['max'])}]"


def verdict(good):
    return "yes" if good else "**no**"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    row_of = lambda row: "| " + " | ".join(text.replace("|", "\\|") for text in row) + " |"
    return "\n".join(lines + [row_of(row) for row in rows]) + "\n"


def engine(row, name):
    return next(e for e in row["engines"] if e["name"] == name)


def ratio_row(what, entry, key, kind, least, slack=1.0):
    """A row about how many times faster than a yardstick; `slack`: what `least` is written as."""
    if key not in entry:
        return what, f"{slack}x", entry.get("refusal", "not measured here"), "-"
    over = entry[key][kind]
    if slack == 1.0:
        return what, f"{least}x", cell(over) + "x", verdict(over["median"] >= least)
    share = {"median": 1 / over["median"], "min": 1 / over["max"], "max": 1 / over["min"]}
    return what, f"({slack}x)", cell(share) + "x", verdict(share["median"] <= slack)


def packet_targets(packets):
    by_id = {row["id"]: row for row in packets["filters"]}
    if "refusal" in engine(packets["filters"][0], "ipjit tier2"):
        yield "tier 2", "-", engine(packets["filters"][0], "ipjit tier2")["refusal"], "-"
        return
    for name, least in OVER_LIBPCAP.items():
        if name not in by_id:
            continue
        for which in ("ipjit tier2", "ipjit tier2 burst 32"):
            yield ratio_row(f"{NAMES.get(name, name)} stream, {which[6:]} over libpcap",
                            engine(by_id[name], which), "over_libpcap", "stream", least)
    for name in "cdfj":
        yield ratio_row(f"{name} stream, time of the branch-free C form", engine(by_id[name], "ipjit tier2 body"),
                        "over_branch_free", "stream", None, OF_BRANCH_FREE)
    for name in "bei":
        yield ratio_row(f"{name} stream, time of clang -O3 C", engine(by_id[name], "ipjit tier2 body"), "over_c",
                        "stream", None, OF_C)
    for name, row in by_id.items():
        yield ratio_row(f"{name} hot, time of clang -O3 + PGO C", engine(row, "ipjit tier2 body"), "over_pgo", "hot",
                        None, OF_PGO)
    for name, row in by_id.items():
        # Equal code differs by some percent in where it lies; more than that is slower.
        over = engine(row, "ipjit tier2 body")["over_tier1_body"]["hot"]
        yield (f"{name} hot, tier 2 over tier 1, bodies", f"{OF_TIER1}x", cell(over) + "x",
               verdict(over["median"] >= OF_TIER1 - 0.03))
    for name in "cdfjgh":
        if name in by_id:
            yield ratio_row(f"{name} stream, burst of 32 over 32 calls", engine(by_id[name], "ipjit tier2 burst 32"),
                            "over_tier2", "stream", BURST)


def gain_ns(packets, name="c"):
    row = next(r for r in packets["filters"] if r["id"] == name)
    return {kind: engine(row, "ipjit tier1")[kind]["median"] - engine(row, "ipjit tier2")[kind]["median"]
            for kind in ("stream", "cold")}


def break_even(packets, tier2):
    """(compile ms, gain ns, packets) for filter c, or None where tier 2 is not there."""
    row = next(r for r in packets["filters"] if r["id"] == "c")
    if "refusal" in engine(row, "ipjit tier2"):
        return None
    warm = next(r for r in tier2["tier2_compile"] if r["name"] == "c")["warm_ms"]["median"]
    gain = gain_ns(packets)["stream"]
    return warm, gain, warm * 1e6 / gain if gain > 0 else float("inf")


def compile_targets(tier2):
    for row in tier2["tier2_compile"]:
        if row["name"] in COMPILE_MS:
            most = COMPILE_MS[row["name"]]
            yield (f"tier-2 compile, warm, {row['name']}", f"({most} ms)", cell(row["warm_ms"]) + " ms",
                   verdict(row["warm_ms"]["median"] <= most))


def break_even_target(packets, tier2):
    if even := break_even(packets, tier2):
        yield ("break-even against tier 1, c, stream", f"({BREAK_EVEN / 1e6:.0f} M packets)",
               f"{even[2] / 1e6:.2f} M packets", verdict(even[2] <= BREAK_EVEN))


def phase_targets(phase):
    for of in phase["filters"]:
        back = of["phases"][1]
        meanwhile = back.get("tenths", {}).get("min")
        reached = f"{back['reached_ms']:.0f} ms" if back["reached_ms"] >= 0 else "kept running"
        if meanwhile is not None:
            reached += f", at least {digits(meanwhile)} of tier 1 in any 100 ms"
        yield (f"{of['id']}: traffic flips, other code runs after", f"({BACK_MS} ms)", reached,
               verdict(0 <= back["reached_ms"] <= BACK_MS))
        worst = min((p["whole_seconds"]["min"] for p in of["phases"] if "whole_seconds" in p), default=None)
        if worst is not None:
            yield (f"{of['id']}: throughput of tier 1 over any second", f"{NEVER_BELOW}x", digits(worst) + "x",
                   verdict(worst >= NEVER_BELOW))
    whole = phase["sampling"].get("whole_seconds")
    if whole:
        yield ("a: sampled, over not sampled", f"{SAMPLING}x", cell(whole) + "x", verdict(whole["median"] >= SAMPLING))


def instruction_table(packets):
    names = [e["name"] for e in packets["filters"][0]["engines"] if any(
        "insns" in engine(row, e["name"]) for row in packets["filters"])]
    rows = [[name] + [digits(engine(row, name)["insns"]) if "insns" in engine(row, name) else "-"
                      for row in packets["filters"]] for name in names]
    return table(["instructions a packet"] + [row["id"] for row in packets["filters"]], rows)


def ablation_table(model):
    rows = []
    for of in model["filters"]:
        shapes = {s["name"]: s for s in of["shapes"]}
        whole = shapes.get("specialised")
        for name, shape in shapes.items():
            cells = [of["id"], name, digits(shape["instructions"]), f"{shape['mispredicts']:.2f}",
                     digits(shape["model_ns"])]
            for tier, kind in (("tier1", "stream"), ("tier2", "stream"), ("tier1", "hot"), ("tier2", "hot")):
                cells.append(cell(shape[tier][kind]) if kind in shape.get(tier, {}) else "-")
            if whole and name.startswith(("without ", "with ")):
                best = "tier2" if "stream" in shape.get("tier2", {}) else "tier1"
                worth = shape[best]["stream"]["median"] - whole[best]["stream"]["median"]
                cells.append(f"{worth if name.startswith('without ') else -worth:+.2f}")
            else:
                cells.append("")
            rows.append(cells)
    return table(["", "shape", "IR instructions", "wrong guesses", "model, ns", "tier 1, stream", "tier 2, stream", "tier 1, hot", "tier 2, hot",
                  "worth, ns"], rows)


def phase_table(phase):
    rows = []
    for row in [p for of in phase["filters"] for p in of["phases"]] + [phase["sampling"]]:
        rows.append([row["name"], f"{row['reached_ms']:.0f}" if row["reached_ms"] >= 0 else "-",
                     digits(row["seconds"]), f"{row['packets'] / 1e6:.0f} M",
                     cell(row["tenths"]) if "tenths" in row else "-",
                     cell(row["whole_seconds"]) if "whole_seconds" in row else "-",
                     str(row["tier"]), str(row["builds"]), str(row["retreats"])])
    return table(["phase", "reached after ms", "seconds", "packets", "over tier 1, by 100 ms", "over tier 1, by second",
                  "tier at its end", "builds", "retreats"], rows)


def compile_table(tier2):
    return table(["program", "cold, ms", "warm, ms", "of it the compiler", "from its cache, ms", "bytes of code"],
                 [[r["name"], cell(r["cold_ms"]), cell(r["warm_ms"]), digits(r["compiler_ms"]["median"]),
                   cell(r["cached_ms"]), f"{r['code_bytes']:,}"] for r in tier2["tier2_compile"]])


def icache_section(icache):
    yield (f"{icache['filters']} filters (as c, f and j, with other ports), each on its own code, take turns on "
           f"{icache['packets']:,} packets; valgrind simulates an instruction cache of {icache['i1']}. "
           "Bytes are of the generated code.\n")
    yield table(["blocks", "bytes of code", "instructions", "I1 misses", "misses a packet and filter"],
                [[r["name"], f"{r['code_bytes']:,}", f"{r['instructions']:,}", f"{r['i1_misses']:,}",
                  digits(r["i1_misses"] / icache["packets"] / icache["filters"])] for r in icache["rows"]])


def instruction_section(packets):
    yield ("`ipjit tier2` is the general program specialised for the true profile of the traffic and compiled by LLVM, "
           "through the inlined call path; `tier1 specialised` is the same IR through tier 1. Hot and stream each have "
           "code for their own profile.\n")
    yield instruction_table(packets)


def ablation_section(model):
    yield ("Where a pass makes no difference to a filter's program it has no row. `worth` is what its absence costs on "
           "the stream, in tier 2's code where there is LLVM. Instructions of the IR and wrong guesses of branches are a "
           "packet's, by the profile. The other rows are promised nothing of the packets; `with fold_facts` is the "
           "specialised program that knows how short and how long they are. k and l are rule sets with what a to j lack: "
           "200 hosts in a row, and 18 rules by interface for a filter that is attached to one.\n")
    yield "![each specialisation left out in turn](plots/ablation.png)\n"
    yield ablation_table(model)


def compile_section(tier2):
    yield ("From the call in the process that asks to its return, wall time (`bench/micro/tier2_compile.cpp`): cold, no "
           "server runs and it has to start; warm, a program that it has never seen; then one that it has compiled.\n")
    yield compile_table(tier2)


def break_even_section(packets, tier2):
    if even := break_even(packets, tier2):
        yield (f"For c: {digits(even[0])} ms of a warm compile, {even[1]:.2f} ns a packet gained on the stream by single "
               f"calls: {even[2] / 1e6:.2f} M packets.\n")


def phase_section(phase):
    yield "![throughput over tier 1 while the traffic changes](plots/phases.png)\n"
    yield phase_table(phase)


# As in measurements.py.
SECTIONS = [
    ("## Tier 2", [], None),
    ("### Instructions a packet of the stream, the calling loop (about ten) included", ["packets"], instruction_section),
    ("### Ablation: each specialisation off in turn, ns/packet, bare bodies", ["model"], ablation_section),
    ("### The compile server", ["tier2_compile"], compile_section),
    ("### Break-even", ["packets", "tier2_compile"], break_even_section),
    ("### A change of traffic, through the whole runtime", ["phase"], phase_section),
    ("### Instruction cache", ["icache"], icache_section),
]
TARGETS = [
    (["packets"], packet_targets),
    (["tier2_compile"], compile_targets),
    (["packets", "tier2_compile"], break_even_target),
    (["phase"], phase_targets),
]
