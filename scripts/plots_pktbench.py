# SPDX-License-Identifier: BSD-2-Clause
"""The picture of ipjit-pktbench's phase change: Mpps of each engine while the traffic changes."""
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
        axes.plot(series["seconds"], series["mpps"], line, color=colour, marker=marker, markersize=3.5,
                  linewidth=1.3, label=series["name"])
    ours = next((s for s in phase["series"] if s["name"] == "ipjit tier2 burst"), None)
    for step, (at, mpps, engine) in enumerate(tier_changes(ours) if ours else ()):
        axes.annotate(engine, (at, mpps), (at + 0.006 * end, top * (0.90 - 0.05 * (step % 3))), fontsize=8.5,
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
