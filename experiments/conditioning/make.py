#!/usr/bin/env python3
"""Observation files of one field: make.py truth.npy coarse.npy FOLDER (NumPy alone)."""

import pathlib
import sys

import numpy as np

truth, coarse, folder = np.load(sys.argv[1]), np.load(sys.argv[2]), pathlib.Path(sys.argv[3])
truth, coarse = truth[0], coarse[0]
n = len(truth)
rng = np.random.default_rng(3)


def table(name, places, sd):
    rows = ["x,y,value,sd"]
    for i, j in places:
        # a cell's value is the function at its centre
        rows.append(f"{(i + 0.5) / n},{(j + 0.5) / n},{truth[i, j]:.6g},{sd:g}")
    (folder / name).write_text("\n".join(rows) + "\n")


def describe(name, *tables):
    text = "\n".join("[[observe]]\n" + "\n".join(f"{k} = {v!r}" for k, v in t.items()) for t in tables)
    (folder / name).write_text(text.replace("'", '"') + "\n")


spread = truth.std()
# four wells along the first axis, a value every fourth cell
table("wells.csv", [(i, j) for j in (n // 8, 3 * n // 8, 5 * n // 8, 7 * n // 8) for i in range(1, n, 4)], 0.05 * spread)
table("sensors.csv", [divmod(int(c), n) for c in rng.choice(n * n, 32, replace=False)], 0.05 * spread)
half = truth.copy()
half[:, n // 2 :] = np.nan
np.save(folder / "half.npy", half)
describe("half.toml", {"kind": "mask", "file": "half.npy", "sd": round(0.02 * float(spread), 6)})
np.save(folder / "coarse.npy", coarse)
describe("coarse.toml", {"kind": "coarse", "file": "coarse.npy", "sd": round(0.02 * float(spread), 6)})
