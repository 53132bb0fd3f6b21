#!/usr/bin/env python3
"""Ledgers of ladder/run.sh as a table: steps a level, operations and seconds relative to cold training."""

import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
print("| run | steps by level | operations | seconds | relative | validation loss at the finest level |")
print("|---|---|---|---|---|---|")
for what in ["mnist", "sic"]:
    cold = None
    for name in ["cold", "two", "three", "two-automatic", "three-automatic"]:
        path = folder / f"{what}-{name}-ledger.json"
        if not path.exists():
            continue
        levels = json.loads(path.read_text())["levels"]
        total = {key: sum(level[key] for level in levels) for key in ("flops", "seconds")}
        cold = cold or total
        steps = ", ".join(f"{level['grid']}: {level['steps']}" for level in levels)
        share = {key: 100 * total[key] / cold[key] for key in total}
        print(
            f"| {what} {name} | {steps} | {total['flops']:.2e} ({share['flops']:.0f} %) "
            f"| {total['seconds']:.0f} | {share['seconds']:.0f} % | {levels[-1]['validation_loss']:.4f} |"
        )
