#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints the tables of docs/tier2.md, "Cost model", from what model_bench leaves.

    model_bench --json model.json && bench/model_table.py model.json

The least of the repeats is compared: on a busy machine the median is the neighbours' doing.
"""
import json
import sys


def least(shape, tier):
    return shape[tier]["stream"]["min"] if tier in shape else None


def error(model, measured):
    return "-" if measured is None else f"{measured:.2f} ({100 * (model / measured - 1):+.0f} %)"


def shapes(document):
    for row in document["filters"]:
        for shape in row["shapes"]:
            yield row["id"], shape


def main(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    print("| construct | measured alone, cycles | `kCosts` |\n|---|--:|--:|")
    for probe in document["probes"]:
        print(f"| {probe['name']} | {probe['measured']:.2f} | {probe['model']:.2f} |")
    print("\n| filter, shape | model, ns | tier 1, ns | tier 2, ns |\n|---|--:|--:|--:|")
    for name, shape in shapes(document):
        if shape["name"] in ("general", "specialised"):
            model = shape["model_ns"]
            print(f"| {name}, {shape['name']} | {model:.2f} | {error(model, least(shape, 'tier1'))} "
                  f"| {error(model, least(shape, 'tier2'))} |")
    for tier in ("tier1", "tier2"):
        errors = sorted(abs(shape["model_ns"] / least(shape, tier) - 1)
                        for _, shape in shapes(document) if least(shape, tier))
        if errors:
            print(f"\n{tier}, {len(errors)} shapes: mean error "
                  f"{100 * sum(errors) / len(errors):.0f} %, largest {100 * errors[-1]:.0f} %")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
