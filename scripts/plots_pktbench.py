# SPDX-License-Identifier: BSD-2-Clause
"""Pictures of ipjit-pktbench: bars by filter and engine, traffic that changes, replacing under load."""
import matplotlib.pyplot as plt

# Series of ipjit-pktbench -> colour, marker, line.  Told apart without colour by marker and line.
LINES = {
    "rte_bpf JIT repaired": ("#e69f00", "s", ":"),
    "ipjit tier1 burst": ("#56b4e9", "^", "--"),
    "ipjit tier2 burst": ("#000000", "D", "-"),
}


def tier_changes(series):
    """(seconds, Mpps, what runs from there) wherever another engine runs than in the window before."""
    before = ""
    for at, mpps, engine in zip(series["seconds"], series["mpps"], series["engine"]):
        if engine != before:
            yield at, mpps, engine
        before = engine


def phase_figure(document):
    """A figure, or nothing if the document has no phase change."""
    phase = document.get("phase")
    if not phase or not any(series["seconds"] for series in phase["series"]):
        return None
    figure, axes = plt.subplots(figsize=(12, 5))
    end = max(series["seconds"][-1] for series in phase["series"] if series["seconds"])
    top = max(max(series["mpps"]) for series in phase["series"]) * 1.3
    for i, mark in enumerate(phase["marks"]):
        till = phase["marks"][i + 1]["seconds"] if i + 1 < len(phase["marks"]) else end
        if i % 2:
            axes.axvspan(mark["seconds"], till, color="#eeeeee", zorder=0)
        axes.text(mark["seconds"] + 0.01 * end, top * 0.98, mark["what"], va="top", fontsize=10, weight="bold")
    for series in phase["series"]:
        colour, marker, line = LINES.get(series["name"], ("#999999", "o", "-."))
        axes.plot(series["seconds"], series["mpps"], line, color=colour, marker=marker, markersize=4,
                  markeredgecolor="black", markeredgewidth=0.5, linewidth=1.3, label=series["name"])
    ours = next((s for s in phase["series"] if s["name"] == "ipjit tier2 burst"), None)
    for step, (at, mpps, engine) in enumerate(tier_changes(ours) if ours else ()):
        late = at > 0.9 * end
        axes.annotate(engine, (at, mpps), (at + (-0.006 if late else 0.006) * end, top * (0.90 - 0.05 * (step % 3))),
                      fontsize=8.5, ha="right" if late else "left",
                      arrowprops={"arrowstyle": "-", "color": "#777777", "linewidth": 0.8})
    axes.set_xlim(0, end)
    axes.set_ylim(0, top)
    axes.set_xlabel("seconds; a mark is an engine's turn in a window of 100 ms")
    axes.set_ylabel("Mpps, one lcore")
    axes.set_title(f"Traffic that changes under {phase['described']!r}, {document['port']}: what runs is written where "
                   "it changes", loc="left", fontsize=11)
    axes.legend(loc="lower left", fontsize=9, ncol=3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return figure


def swap_figure(document):
    """Mpps of each segment, with 1,000 replacements a second and without, as they took turns."""
    swap = document.get("swap")
    if not swap or not swap["with"].get("segments_mpps"):
        return None
    figure, axes = plt.subplots(figsize=(12, 4.2))
    top = 0.0
    for key, words, colour, marker, line in (("without", "without", "#999999", "o", "--"),
                                             ("with", f"{swap['per_second']:,.0f} replacements a second", "#000000", "D", "-")):
        side = swap[key]
        mpps = side["segments_mpps"]
        # A pair of segments, one without and one with, takes two segments' time.
        at = [(2 * i + (key == "with") + 0.5) * swap["segment_seconds"] for i in range(len(mpps))]
        axes.plot(at, mpps, line, color=colour, marker=marker, markersize=5, linewidth=1.3, markeredgecolor="black",
                  label=f"{words}: {side['wrong']} wrong, {side['lost'] + side['dropped']} lost of "
                        f"{side['packets'] / 1e6:,.0f} M; longest stall {side['longest_us'] / 1000:.2f} ms")
        top = max(top, *mpps)
    axes.set_ylim(0, top * 1.12)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"seconds; a mark is a segment of {swap['segment_seconds']:g} s")
    axes.set_ylabel("Mpps on the wall, one lcore")
    kept = swap["throughput"]
    axes.set_title(f"The filter replaced under load ({swap['described']!r}, {document['port']}): throughput "
                   f"{100 * kept['median']:.1f} % of without", loc="left", fontsize=11)
    axes.legend(loc="lower left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, axis="y", color="#dddddd", linewidth=0.7)
    figure.tight_layout()
    return figure


# Engine of ipjit-pktbench -> its name beside a bar, colour, hatch.
BARS = {
    "libpcap": ("libpcap", "#999999", ""),
    "rte_bpf JIT": ("rte_bpf JIT", "#e69f00", "////"),
    "rte_bpf JIT repaired": ("rte_bpf JIT repaired", "#e69f00", "////"),
    "ipjit tier1 burst": ("ipjit tier 1, burst", "#56b4e9", ""),
    "ipjit tier2": ("ipjit tier 2, single", "#0072b2", ""),
    "ipjit tier2 burst": ("ipjit tier 2, burst", "#000000", ""),
}


def bar_name(one):
    """With what ran, where that is not what the name says."""
    name = BARS[one["name"]][0]
    return name + " (on tier 1)" if one.get("state") == "tier1" and "tier2" in one["name"] else name


def rate_bars(axes, contest, titles):
    """An engine's ns a packet, forwarding's share of them in white, and its Mpps behind the bar."""
    forward = contest["engines"][0]["ns"]["median"]
    rows = [one for one in contest["engines"] if one["name"] in BARS and "refusal" not in one and one["agrees"]]
    rows = [one for one in rows if one["name"] != "rte_bpf JIT repaired" or contest["reference"] == one["name"]]
    known = sorted(one["ns"]["median"] for one in rows)
    limit = known[-1]
    while len(known) > 1 and known[-1] > 8 * known[-2]:  # its bar is cut, or the others could not be told apart
        known.pop()
        limit = known[-1] * 1.7
    for y, one in enumerate(rows):
        _, colour, hatch = BARS[one["name"]]
        end = min(one["ns"]["median"], limit)
        axes.barh(y, end, 0.72, color=colour, hatch=hatch, edgecolor="black", linewidth=0.6)
        axes.barh(y, min(forward, end), 0.72, color="white", edgecolor="black", linewidth=0.6)
        if one["ns"]["median"] > limit:
            axes.text(end, y, "≫ ", ha="right", va="center", fontsize=11, weight="bold",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
        axes.text(end, y, f" {one['ns']['median']:.1f} ns, {one['mpps']['median']:.1f} Mpps", va="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), [bar_name(one) for one in rows], fontsize=8.5)
    axes.set_xlim(0, limit * 1.75)
    axes.invert_yaxis()
    axes.set_title(f"{contest['name']}: {titles.get(contest['name'], contest['described'])}", fontsize=10, loc="left")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_xticks([])


def rates_figure(document, titles):
    """Filters through ports, each engine's time a packet end to end."""
    contests = document.get("filters", {}).get("contests", [])
    if not contests:
        return None
    columns = min(3, len(contests))
    lines = -(-len(contests) // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(5 * columns, 2.5 * lines + 0.9), squeeze=False)
    for axes in grid.flat[len(contests):]:
        axes.set_visible(False)
    for axes, contest in zip(grid.flat, contests):
        rate_bars(axes, contest, titles)
    figure.suptitle(f"Through DPDK ports ({document['port']}, 64-byte packets, one lcore): nanoseconds a packet, shorter is "
                    "better", x=0.01, ha="left", fontsize=13)
    figure.text(0.01, 0.01, "White: what forwarding alone takes. Behind each bar its whole length and the rate that this is. Each "
                "filter has its own scale; ≫: the bar is cut.", fontsize=8.5)
    figure.tight_layout(rect=(0, 0.035, 1, 0.98))
    return figure
