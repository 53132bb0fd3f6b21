#!/usr/bin/env python3
"""What guidance does, as Markdown: one line a weight, from results/*.json beside this file.

(×) is the ratio to the floor, the 95 % quantile of the same statistic between two sets of real fields.
"""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parent / "results"
ORDER = ["w0", "w1", "calibrated", "w1.5", "w2", "w3"]
NAMES = {"w0": "0 (no class)", "calibrated": "1, calibrated"}
HEADS = ["W", "as asked for", "features", "classes", "energy distance", "sliced Wasserstein", "variance ratio"]


def cell(row, key):
    value, floor = row[key], row[key + "_floor"]
    return f"{value:.4f} ({value / floor:.1f}×)"


def line(name, result, read):
    asked = read.get("accuracy")
    cells = [
        name,
        "–" if asked is None else f"{100 * asked:.1f} %",
        cell(read, "feature_distance"),
        cell(read, "class_distance"),
        cell(result, "energy_distance"),
        cell(result, "sliced_wasserstein"),
        f"{result['variance_ratio']:.3f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    classifier = json.loads((RESULTS / "classifier.json").read_text())
    print(f"The classifier reads {100 * classifier['accuracy']:.2f} % of {classifier['tested']} test digits right.\n")
    print("| " + " | ".join(HEADS) + " |")
    print("|---" * len(HEADS) + "|")
    for label in ORDER:
        path = RESULTS / f"ladder-28x28-{label}.json"
        if not path.exists():
            continue
        result = json.loads(path.read_text())
        rows = {row["name"]: row for row in result["classifier"]["rows"]}
        print(line(NAMES.get(label, label[1:]), result, rows["samples"]))
    surrogate = result["gaussian_surrogate"]
    print(line("Gaussian surrogate", surrogate, rows["Gaussian surrogate"]))


main()
