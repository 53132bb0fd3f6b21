#!/usr/bin/env python3
"""Files to train on, from the pairs that run.sh makes: prepare.py FOLDER (NumPy and SciPy)."""

import pathlib
import sys

import numpy as np

import equations as eq

folder = pathlib.Path(sys.argv[1])
for name in ("poisson", "darcy"):
    pairs = np.load(folder / f"{name}-train.npy", mmap_mode="r")
    np.save(folder / f"{name}-a.npy", pairs[:, 0].astype(np.float32))
    coarse = [eq.restricted(pairs[i : i + 64].astype(float), 64) for i in range(0, len(pairs), 64)]
    np.save(folder / f"{name}-joint-64.npy", np.concatenate(coarse).astype(np.float32))
