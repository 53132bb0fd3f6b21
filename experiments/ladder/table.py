#!/usr/bin/env python3
"""Results of ladder/run.sh as a table: steps a level, operations relative to cold training, loss, quality."""

import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
FINEST = {"mnist": "28x28", "sic": "64x64"}
NAMES = ["cold", "cold-short", "two", "three", "three-no-replay", "two-automatic", "three-automatic"]


def read(path):
    return json.loads(path.read_text()) if path.exists() else None


def ratio(row, key):
    return row[key] / row[key + "_floor"]


print(
    "| run | seed | steps by level | operations | seconds | validation loss "
    "| energy distance | sliced Wasserstein | spectrum | variance |"
)
print("|---|---|---|---|---|---|---|---|---|---|")
for what, finest in FINEST.items():
    for seed in range(3):
        cold = None
        for name in NAMES:
            ledger = read(folder / f"{what}-{name}-seed-{seed}-ledger.json")
            if ledger is None:
                continue
            levels = ledger["levels"]
            total = {key: sum(level[key] for level in levels) for key in ("flops", "seconds")}
            cold = cold or total
            steps = ", ".join(f"{level['grid'].split('x')[0]}: {level['steps']}" for level in levels)
            share = {key: 100 * total[key] / cold[key] for key in total}
            row = f"| {what} {name} | {seed} | {steps} | {share['flops']:.0f} % | {share['seconds']:.0f} % "
            row += f"| {levels[-1]['validation_loss']:.3f} "
            judged = read(folder / f"{what}-{name}-seed-{seed}-{finest}.json")
            if judged:
                row += f"| {ratio(judged, 'energy_distance'):.1f}× | {ratio(judged, 'sliced_wasserstein'):.1f}× "
                row += f"| {judged['spectrum_log_error']:.3f} | {judged['variance_ratio']:.2f} "
            else:
                row += "| – | – | – | – "
            print(row + "|")
