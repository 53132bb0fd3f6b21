#!/usr/bin/env python3
"""Results of experiments as Markdown: table.py experiments/mnist/results/*.json

One line a result and its baselines; every number with its ratio to the floor, which is the 95 %
quantile of the same statistic between two sets of real fields of the same sizes.
"""

import json
import pathlib
import sys

COLUMNS = [
    ("energy_distance", "energy distance"),
    ("sliced_wasserstein", "sliced Wasserstein"),
    ("spectrum_log_error", "spectrum"),
    ("spectrum_log_error_beyond", "spectrum beyond"),
    ("histogram_distance", "histogram"),
    ("two_point_error", "two-point"),
    ("specific_surface_ratio", "surface ratio"),
]
BASELINES = ["gaussian_surrogate", "zero_padded", "training_fields"]


def cell(row, key):
    value, floor = row.get(key), row.get(key + "_floor")
    if value is None:
        return "–"
    if key == "specific_surface_ratio":
        return f"{value:.3f}"
    return f"{value:.4f} ({value / floor:.1f}×)" if floor else f"{value:.4f}"


def line(name, row):
    cells = [cell(row, key) for key, _ in COLUMNS] + [f"{row['variance_ratio']:.3f}"]
    return f"| {name} | {row['grid']} | {row['count']} | " + " | ".join(cells) + " |"


def main(paths):
    titles = [title for _, title in COLUMNS] + ["variance ratio"]
    print("| fields | judged at | n | " + " | ".join(titles) + " |")
    print("|---" * (len(titles) + 3) + "|")
    shown = set()
    for path in paths:
        row = json.loads(pathlib.Path(path).read_text())
        if "energy_distance" not in row:
            continue
        print(line(pathlib.Path(path).stem, row))
        for baseline in BASELINES:
            kind = (baseline, row["grid"], row["count"])
            if baseline in row and (baseline == "zero_padded" or kind not in shown):
                shown.add(kind)
                print(line("– " + baseline.replace("_", " "), row[baseline]))


main(sys.argv[1:])
