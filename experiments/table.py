#!/usr/bin/env python3
"""Results of experiments as Markdown: table.py [--structure] experiments/mnist/results/*.json

--structure: descriptors of the structure instead of statistics of the functions. One line a result and its baselines; every number with its ratio to the floor, which is the 95 %
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
    ("cross_channel_error", "cross-channel"),
    ("two_point_error", "two-point"),
    ("specific_surface_ratio", "surface ratio"),
]
STRUCTURE = [
    ("volume_fraction_difference", "volume fraction"),
    ("two_point_error", "two-point"),
    ("lineal_path_error", "lineal path"),
    ("chord_length_distance", "chord length"),
    ("euler_density_difference", "Euler number"),
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


def line(name, row, columns):
    cells = [cell(row, key) for key, _ in columns] + [f"{row['variance_ratio']:.3f}"]
    return f"| {name} | {row['grid']} | {row['count']} | " + " | ".join(cells) + " |"


def main(arguments):
    columns = STRUCTURE if "--structure" in arguments else COLUMNS
    paths = [pathlib.Path(a) for a in arguments if a != "--structure"]
    results = [(path.stem, json.loads(path.read_text())) for path in paths]
    results = [(name, row) for name, row in results if "energy_distance" in row]
    # one channel has no other
    columns = [
        (key, title)
        for key, title in columns
        if key != "cross_channel_error" or any(row.get(key) is not None for _, row in results)
    ]
    titles = [title for _, title in columns] + ["variance ratio"]
    print("| fields | judged at | n | " + " | ".join(titles) + " |")
    print("|---" * (len(titles) + 3) + "|")
    shown = set()
    for name, row in results:
        print(line(name, row, columns))
        for baseline in BASELINES:
            kind = (baseline, row["grid"], row["count"], name.endswith("-test"))
            if baseline in row and (baseline == "zero_padded" or kind not in shown):
                shown.add(kind)
                print(line("– " + baseline.replace("_", " "), row[baseline], columns))


main(sys.argv[1:])
