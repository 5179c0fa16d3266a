# SPDX-License-Identifier: BSD-2-Clause
"""micro_bench's part of docs/measurements.md: how costs grow, and the parts alone."""
from measurements_tier2 import cell, digits, table


def time(ns):
    """A time in the unit that a person would say."""
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if abs(ns) >= size:
            return f"{digits(ns / size)} {unit}"
    return f"{digits(ns)} ns"


def growth_table(micro):
    rows = []
    for row in micro["scaling"]:
        points = row["points"]
        first, last = points[0], points[-1]
        rows.append([row["name"], f"{first['size']:,.0f}", time(first["ns"]["median"]), f"{last['size']:,.0f}",
                     time(last["ns"]["median"]), f"{row['slope_ns']:.3g}", f"{row['exponent']:.2f}",
                     f"{row['upper_exponent']:.2f}"])
    return table(["what", "smallest", "its time", "largest", "its time", "one more, ns", "exponent",
                  "of the larger half"], rows)


def sections(micro):
    yield ("By `micro_bench`: a list of hosts, of which a compiler can make a table, and a chain of tests, of which it "
           "cannot. `rules` is a packet of the stream, `compile` a filter, `stage` a part of tier 1's compile, `lookup "
           "find` a probe of which half hit, `together` a packet in one of the filters that it goes through. \"One more\" is "
           "the slope between the ends; the exponent is that of the power law that fits best (0 flat, 1 linear), over all "
           "sizes and over the larger half.\n")
    yield "![ns a packet by rules](plots/rules.png)\n"
    yield "![time to compile by rules](plots/compile.png)\n"
    yield "![a probe by keys](plots/lookup.png)\n"
    yield growth_table(micro)
    yield "### Parts alone\n"
    yield table(["what", "time"], [[row["name"], cell(row["ns"]) + " ns"] for row in micro["single"]])
