#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Draws docs/plots/ from the JSON that the benchmarks leave.

    plots.py DIRECTORY OUT

Each picture is written as SVG and PNG; one whose JSON is not there is removed, as it would be of another
run.  The same numbers give the same bytes.  No picture needs its colours: bars carry hatches, lines carry markers
and their name at their end, and the colours are told apart by colour-blind readers too (the palette
of Okabe and Ito).
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.patheffects as patheffects  # noqa: E402  (the backend first)
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

import plots_pktbench  # noqa: E402

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE, GREY = (
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999")

# Engine -> colour, hatch of its bar, marker of its line.  Ours are filled, rivals are hatched.
STYLE = {
    "libpcap": (GREY, "", "o"),
    "rte_bpf": (ORANGE, "////", "s"),
    "clang PGO": ("#dddddd", "....", "P"),
    "interp": (PURPLE, "xx", "v"),
    "tier1": (SKY, "", "^"),
    "tier2": (BLUE, "", "D"),
    "tier2 burst": (BLACK, "", "*"),
    "expression": (GREEN, "", "X"),
    "pcap_compile": (GREY, "", "o"),
}
# Names of packets_bench -> ours; the order is that of the bars.
BARS = {
    "libpcap": "libpcap",
    "rte_bpf JIT repaired": "rte_bpf",
    "clang -O3 + PGO C": "clang PGO",
    "ipjit tier1": "tier1",
    "ipjit tier2": "tier2",
    "ipjit tier2 burst 32": "tier2 burst",
}
TITLES = {"a": "everything", "b": "ip", "c": "tcp port 80", "d": "TCP flags, nets", "e": "host, 3 ports",
          "f": "portrange 0-6000", "g": "100 hosts", "h": "1,000 hosts", "i": "ip6, dst port", "j": "HTTP payload",
          "k": "200 hosts in a row", "l": "rules by interface"}


def digits(value):
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def plain(value, _=None):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def save(figure, out, name):
    # No date and no random ids: the same numbers give the same file.
    figure.savefig(out / f"{name}.svg", metadata={"Date": None, "Creator": None})
    figure.savefig(out / f"{name}.png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    print(f"{out / name}.svg, .png")


def whisker(axes, y, least, most):
    """From least to most; light around dark, so that it is seen on a bar of any shade."""
    axes.plot([least, most], [y, y], color=RED, linewidth=1.1, solid_capstyle="butt",
              path_effects=[patheffects.withStroke(linewidth=2.8, foreground="white")])


def cut_sign(axes, end, y):
    """In the end of a bar that is longer than its picture."""
    axes.text(end, y, "≫ ", ha="right", va="center", fontsize=11, weight="bold",
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})


def bars_of_filter(axes, row, kind):
    """One filter's engines, each as a bar that ends in its number; a very long bar is cut."""
    cells = {e["name"]: e for e in row["engines"]}
    labels, values = [], []
    for name, short in BARS.items():
        cell = cells.get(name, {})
        labels.append(short)
        values.append(cell[kind] if kind in cell else None)
    known = sorted(v["median"] for v in values if v)
    limit = known[-1]
    # Where one engine is far behind all others its bar would leave them no room.
    while len(known) > 1 and known[-1] > 6 * known[-2]:
        known.pop()
        limit = known[-1] * 1.7
    for y, (label, value) in enumerate(zip(labels, values)):
        colour, hatch, _ = STYLE[label]
        if value is None:
            axes.text(limit * 0.02, y, "refuses or is not there", va="center", fontsize=8, style="italic")
            continue
        shown = min(value["median"], limit)
        axes.barh(y, shown, 0.72, color=colour, hatch=hatch, edgecolor="black", linewidth=0.6)
        if value["median"] > limit:
            cut_sign(axes, shown, y)
        else:
            whisker(axes, y, value["min"], min(value["max"], limit * 1.15))
        end = max(shown, min(value["max"], limit * 1.15))
        axes.text(end + limit * 0.03, y, digits(value["median"]), va="center", fontsize=8.5)
    axes.set_yticks(range(len(labels)), labels, fontsize=8.5)
    axes.set_xlim(0, limit * 1.32)
    axes.invert_yaxis()
    axes.set_title(f"{row['id']}: {TITLES[row['id']]}", fontsize=10, loc="left")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_xticks([])


def packets(document, out):
    for kind, words in (("hot", "1,024 packets looped"), ("stream", "fresh packets, from the shared cache")):
        rows = document["filters"]
        columns = min(5, len(rows))
        lines = -(-len(rows) // columns)
        figure, grid = plt.subplots(lines, columns, figsize=(14, 3.1 * lines + 0.6), squeeze=False)
        for axes in grid.flat[len(rows):]:
            axes.set_visible(False)
        for i, (axes, row) in enumerate(zip(grid.flat, rows)):
            bars_of_filter(axes, row, kind)
            if i % columns:
                axes.set_yticklabels([])
        figure.suptitle(f"Nanoseconds a packet, {words}: shorter is better", x=0.01, ha="left", fontsize=13)
        figure.text(0.01, 0.005, "Median of the repeats, red: least to most. Each filter has its own scale; ≫: the bar is "
                    "cut. rte_bpf with its known faults repaired; clang PGO: hand-written C with the profile of these "
                    "packets.", fontsize=8.5)
        figure.tight_layout(rect=(0, 0.025, 1, 0.985))
        save(figure, out, f"packets-{kind}")


def curve(axes, points, engine, label, scale=1.0):
    sizes = [p["size"] for p in points]
    values = [p["ns"]["median"] * scale for p in points]
    colour, _, marker = STYLE[engine]
    axes.fill_between(sizes, [p["ns"]["min"] * scale for p in points], [p["ns"]["max"] * scale for p in points],
                      color=colour, alpha=0.2, linewidth=0)
    axes.plot(sizes, values, marker=marker, color=colour, linewidth=1.8, markersize=6.5, markeredgecolor="black",
              markeredgewidth=0.5)
    return sizes[-1], values[-1], label, colour


def label_ends(axes, ends):
    """The lines' names in a column on the right, in the order of the lines' ends, moved apart (on the log
    scale) where they would cover each other; a thin line leads from an end to its name."""
    low, high = axes.get_ylim()
    column = max(x for x, _, _, _ in ends) * 1.3
    step = (high / low) ** 0.055
    ends = sorted(ends, key=lambda end: end[1])
    heights, at = [], 0.0
    for _, y, _, _ in ends:
        at = max(y, at * step)
        heights.append(at)
    for i in reversed(range(len(ends))):  # what was pushed out at the top pushes back
        heights[i] = min(heights[i], high / step ** (len(ends) - 1 - i))
    for (x, y, label, colour), at in zip(ends, heights):
        axes.annotate(label, (x, y), xytext=(column, at), fontsize=9.5, va="center", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "linewidth": 0.8, "color": colour, "linestyle": ":", "relpos": (0, 0.5)})


def log_axes(axes, x_title, y_title, title):
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(plain))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(x_title)
    axes.set_ylabel(y_title)
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(True, which="major", color="#dddddd", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)


def curves(document, out, name, panels, title, y_title, scale=1.0):
    """panels: (title, x title, {family of micro_bench: (engine's style, label)})"""
    known = {row["name"]: row for row in document["scaling"]}
    figure, grid = plt.subplots(1, len(panels), figsize=(7 * len(panels) if len(panels) > 1 else 8.5, 5.4), sharey=True, squeeze=False)
    for axes, (panel, x_title, lines) in zip(grid.flat, panels):
        log_axes(axes, x_title, y_title if axes is grid.flat[0] else "", panel)
        drawn = [(known[family], *style) for family, style in lines.items() if family in known]
        ends = [curve(axes, row["points"], engine, f"{label}  $n^{{{max(0.0, row['upper_exponent']):.1f}}}$", scale)
                for row, engine, label in drawn]
        axes.margins(x=0.04)
        if ends:
            label_ends(axes, ends)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    figure.text(0.01, 0.012, "Medians; shaded: least to most. The exponent of n says how the larger half of the sizes grows: "
                "0 is flat, 1 linear.", fontsize=8.5)
    figure.tight_layout(rect=(0, 0.03, 0.985, 1), w_pad=11)
    figure.subplots_adjust(right=0.86 if len(panels) > 1 else 0.72)
    save(figure, out, name)


def micro(document, out):
    engines = {"libpcap": "libpcap", "rte_bpf": "rte_bpf JIT", "interp": "ipjit interp", "tier1": "ipjit tier 1",
               "tier2": "ipjit tier 2"}
    rules = [(title, x, {f"rules/{e} {shape}": (e, label) for e, label in engines.items()})
             for shape, title, x in (("hosts", "List of hosts (becomes a table)", "hosts"),
                                     ("chain", "Chain of unlike tests (stays a chain)", "tests"))]
    curves(document, out, "rules", rules, "Nanoseconds a packet by the number of rules: lower is better", "ns a packet")
    compile_ = [(title, x, {f"compile/{what} {shape}": (style, label) for what, style, label in (
                    ("tier1", "tier1", "ipjit tier 1"), ("tier2", "tier2", "ipjit tier 2 (LLVM)"),
                    ("rte_bpf", "rte_bpf", "rte_bpf JIT"), ("expression", "expression", "ipjit, from text"),
                    ("pcap_compile", "pcap_compile", "pcap_compile, alone"))})
                for shape, title, x in (("hosts", "List of hosts", "hosts"), ("chain", "Chain of unlike tests", "tests"))]
    curves(document, out, "compile", compile_, "Time to make a filter: lower is better", "microseconds", 1e-3)
    tables = [("Finding a key (half are there)", "keys", {
                  "lookup find/u32": ("tier2", "ipjit's table, 32 bits"), "lookup find/u16": ("tier1", "ipjit's table, 16 bits"),
                  "lookup find/unordered_set": ("rte_bpf", "std::unordered_set"),
                  "lookup find/binary search": ("libpcap", "binary search")})]
    curves(document, out, "lookup", tables, "Tables, nanoseconds a probe: lower is better", "ns a probe")


def phase_of_filter(axes, of):
    begun, spans = 0.0, []
    for phase in of["phases"]:
        series = phase.get("series", [])
        if not series:
            continue
        end = begun + phase["seconds"]
        spans.append((begun, end, phase["name"].split(": ", 1)[-1]))
        axes.plot([begun + p["at_s"] for p in series], [p["ratio"] for p in series], color=BLUE, linewidth=1.4)
        special = [p for p in series if p["tier"] == 2]
        general = [p for p in series if p["tier"] != 2]
        axes.plot([begun + p["at_s"] for p in special], [p["ratio"] for p in special], "D", color=BLUE, markersize=4,
                  label="specialised code runs")
        axes.plot([begun + p["at_s"] for p in general], [p["ratio"] for p in general], "o", color="white",
                  markeredgecolor=BLACK, markersize=4.5, label="general code runs")
        begun = end
    axes.axhline(1.0, color=BLACK, linewidth=0.9)
    axes.axhline(0.95, color=RED, linewidth=1.1, linestyle="--")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.88), high + (high - low) * 0.16)
    for i, (start, end, name) in enumerate(spans):
        if i % 2:
            axes.axvspan(start, end, color="#eeeeee", zorder=0)
        axes.text(start + 0.01 * begun, axes.get_ylim()[1], name.split(",")[0], va="top", fontsize=10, weight="bold")
    axes.set_xlim(0, begun)
    axes.set_ylabel("throughput over tier 1")
    axes.set_title(f"filter {of['id']}: {TITLES[of['id']]}", loc="left", fontsize=11, pad=12)
    axes.spines[["top", "right"]].set_visible(False)


def phases(document, out):
    if not any(p.get("series") for of in document["filters"] for p in of["phases"]):
        return
    count = len(document["filters"])
    figure, grid = plt.subplots(count, 1, figsize=(12, 3.3 * count + 0.5), squeeze=False)
    for axes, of in zip(grid.flat, document["filters"]):
        phase_of_filter(axes, of)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    unique = dict(zip(labels, handles))
    figure.legend(unique.values(), unique.keys(), loc="upper right", fontsize=9, ncol=2)
    grid.flat[-1].set_xlabel("seconds; each mark is 100 ms.  Dashed: 95 % of tier 1, the promise over any second")
    figure.suptitle("A change of traffic: every tier change by itself", x=0.01, ha="left", fontsize=13)
    figure.tight_layout(rect=(0, 0, 1, 0.99))
    save(figure, out, "phases")


def ablation(document, out):
    rows = [(of["id"], {s["name"]: s for s in of["shapes"]}) for of in document["filters"]]
    rows = [(name, shapes) for name, shapes in rows if any(s.startswith("without ") for s in shapes)]
    if not rows:
        return
    columns = min(4, len(rows))
    lines = -(-len(rows) // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(14.5, 2.6 * lines + 1.2), squeeze=False)
    for axes in grid.flat[len(rows):]:
        axes.set_visible(False)
    for axes, (name, shapes) in zip(grid.flat, rows):
        labels = list(shapes)
        best = [shapes[s].get("tier2") or shapes[s]["tier1"] for s in labels]
        values = [b["stream"]["median"] for b in best]
        for y, (label, value, cell) in enumerate(zip(labels, values, best)):
            colour, hatch = ((GREY, "") if label == "general" else (BLUE, "") if label == "specialised"
                             else (YELLOW, "////"))
            axes.barh(y, value, 0.72, color=colour, hatch=hatch, edgecolor="black", linewidth=0.6)
            whisker(axes, y, cell["stream"]["min"], cell["stream"]["max"])
            axes.text(max(value, cell["stream"]["max"]) * 1.03, y, digits(value), va="center", fontsize=8.5)
        axes.set_yticks(range(len(labels)), [label.replace("without ", "– ").replace("with ", "+ ") for label in labels],
                        fontsize=8.5)
        axes.set_xlim(0, max(c["stream"]["max"] for c in best) * 1.25)
        axes.invert_yaxis()
        axes.set_title(f"{name}: {TITLES[name]}", loc="left", fontsize=10)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.set_xticks([])
    figure.suptitle("Ablation: each specialisation left out in turn, ns a packet of the stream (bare code)", x=0.01,
                    ha="left", fontsize=13)
    figure.text(0.01, 0.005, "Grey: the general program. Blue: with everything. Hatched: without the one that is named (+: with it); no "
                "bar where it changes nothing. Red: least to most.", fontsize=8.5)
    figure.tight_layout(rect=(0, 0.025, 1, 0.985))
    save(figure, out, "ablation")


def of_ports(name, figure_of):
    def draw(document, out):
        if figure := figure_of(document):
            save(figure, out, name)
    return draw


# A part's JSON, how it is drawn, and the pictures' names.
PICTURES = [("packets", packets, ("packets-hot", "packets-stream")),
            ("micro", micro, ("rules", "compile", "lookup")),
            ("phase", phases, ("phases",)),
            ("model", ablation, ("ablation",)),
            ("pktbench", of_ports("ports", lambda document: plots_pktbench.rates_figure(document, TITLES)), ("ports",)),
            ("pktbench_swap", of_ports("swap", plots_pktbench.swap_figure), ("swap",)),
            ("pktbench_phase", of_ports("phase-ports", plots_pktbench.phase_figure), ("phase-ports",))]


def main(argv):
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    plt.rcParams.update({"svg.hashsalt": "ipjit", "font.family": "DejaVu Sans", "hatch.linewidth": 0.7})
    out = pathlib.Path(argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for part, draw, names in PICTURES:
        for name in names:
            for kind in ("svg", "png"):
                (out / f"{name}.{kind}").unlink(missing_ok=True)
        path = pathlib.Path(argv[1]) / f"{part}.json"
        if path.exists():
            draw(json.loads(path.read_text()), out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
