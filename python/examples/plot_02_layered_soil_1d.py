"""
Layered soil in one dimension
=============================

A borehole tells a property by depth. Here the model learns profiles of layers from examples.
"""

import sys
from pathlib import Path

import numpy as np

import karhunen as kh

out = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
out.mkdir(parents=True, exist_ok=True)

# %%
# Four hundred profiles of three to six layers. Each layer has its own stiffness and a little noise.
rng = np.random.default_rng(0)
depth = np.linspace(0, 1, 64)


def profile():
    ends = np.sort(rng.uniform(size=rng.integers(2, 6)))
    stiffness = rng.normal(size=len(ends) + 1)
    return stiffness[np.searchsorted(ends, depth)] + 0.05 * rng.normal(size=64)


profiles = np.stack([profile() for _ in range(400)])

# %%
# An array goes in as it is: 400 fields of 64 cells.
model = kh.train(
    profiles,
    levels=[16, 32, 64],
    steps=60,
    settings={"network.width": [8], "network.blocks": [2], "training.batch": 16},
    out=out / "run-soil",
)

# %%
# New profiles, finer than those that were measured. One column of the picture is one profile.
new = model.sample(64, grid=256, seed=1)
kh.write(out / "soil.png", new.T[np.newaxis], overwrite=True)
kh.write(out / "soil-measured.png", profiles[:64].T[np.newaxis], overwrite=True)
print(f"{len(new)} profiles of {new.shape[1]} cells; means from {new.mean(1).min():.2f} to {new.mean(1).max():.2f}")
