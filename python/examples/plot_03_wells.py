"""
Fields that agree with wells
============================

Values are known at a few places. Samples agree with them, and differ elsewhere as fields of the data do.
"""

import sys
from pathlib import Path

import numpy as np

import karhunen as kh

out = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
out.mkdir(parents=True, exist_ok=True)

# %%
# A small model of the built-in structure.
model = kh.train(
    kh.Data("builtin:spinodal", count=64),
    levels=[8, 16, 32],
    steps=40,
    settings={"network.width": [8], "network.blocks": [2], "training.batch": 8},
    out=out / "run-wells",
)

# %%
# Five wells. Places are in the lengths of the box, which is 1 long. ``sd`` is the error of the measurement.
wells = out / "wells.csv"
wells.write_text(
    "x,y,value,sd\n0.15,0.20,0.6,0.02\n0.40,0.75,-0.6,0.02\n0.60,0.30,0.5,0.02\n0.85,0.80,-0.5,0.02\n0.50,0.50,0.0,0.02\n"
)
found = model.samples(32, grid=(64, 64), seed=2, observe=wells, evaluations=30)
residual = found.residuals[0]
print(f"{residual.count} values are met to {residual.relative:.2f} standard deviations of their error")

# %%
# Where the samples agree, and where they are free: mean and standard deviation.
kh.write(out / "wells-draws.png", found.fields[:4], overwrite=True)
kh.write(out / "wells-mean-and-deviation.png", np.stack([found.fields.mean(0), found.fields.std(0)]), overwrite=True)

# %%
# Simple kriging under the data's Gaussian law meets the same wells.
kriged = model.sample(32, grid=(64, 64), seed=2, observe=wells, surrogate=True)
print(f"deviation far from wells: {found.fields.std(0).max():.2f}, by kriging {kriged.std(0).max():.2f}")
