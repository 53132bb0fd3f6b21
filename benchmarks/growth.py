#!/usr/bin/env python3
"""How do time and memory of a training step grow with points, modes, width and batch?

    python3 benchmarks/growth.py [--rounds 1] [--seconds 1] [--kinds kept]

One factor at a time around width 32, 64², batch 8, 14 modes, each row in a process of its own, in
alternation with PyTorch (its kinds are those of fno.py). Prints tables and the slopes of
log time over log factor between neighbouring rows; appends to benchmarks/results/growth.jsonl.
"""

import argparse
import os

import fno
import side_by_side

BASE = {"width": 32, "cells": 64, "batch": 8, "modes": 14}
FACTORS = {
    # PyTorch's layer needs twice as many cells as modes
    "cells": [28, 64, 128, 256],
    "modes": [4, 7, 14, 28],
    "width": [8, 16, 32, 64, 128],
    "batch": [1, 2, 8, 32, 64],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--kinds", default="kept")
    arguments = parser.parse_args()
    for factor, values in FACTORS.items():
        rows = [",".join(str(number) for number in (BASE | {factor: v}).values()) for v in values]
        median, peak, version = side_by_side.measure(
            fno.__file__, [], rows, arguments.kinds.split(","), arguments.rounds, arguments.seconds, True
        )
        print(f"\n## {factor} ({os.cpu_count()} threads, PyTorch {version})")
        side_by_side.report("width, grid, batch, modes", rows, median, peak)
        # of points and not of cells an axis
        size = [v**2 if factor == "cells" else v for v in values]
        for name, timed in median.items():
            found = side_by_side.slopes(size, [step for _, step in timed])
            print(f"slopes of the step, {name}: " + " ".join(f"{slope:.2f}" for slope in found))
        side_by_side.archive("growth", rows, arguments.rounds, median, peak, version)


if __name__ == "__main__":
    main()
