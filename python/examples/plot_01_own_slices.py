"""
My own slices
=============

A folder of pictures becomes a model, and the model makes new pictures at any resolution.

The pictures are made here, so that the example needs no download. Put your own folder in their place.
"""

import sys
from pathlib import Path

import numpy as np

import karhunen as kh

out = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")

# %%
# Forty pictures of 96² pixels: blobs of two sizes, cut from a smooth random function.
folder = out / "slices"
folder.mkdir(parents=True, exist_ok=True)
law = kh.prior.Matern(length=0.08, smoothness=2.5)
for i, field in enumerate(law.sample(40, grid=(96, 96), seed=1)):
    kh.write(folder / f"slice-{i:03}.tif", np.tanh(4 * field)[np.newaxis], overwrite=True)

# %%
# Train for a few steps. A model of use takes minutes: ``minutes=5`` instead of ``steps``.
data = kh.Data(folder, patch=(48, 48))
print(data)
model = kh.train(
    data,
    levels=[12, 24],
    steps=30,
    settings={"network.width": [8], "network.blocks": [2], "training.batch": 8},
    out=out / "run-slices",
)

# %%
# The same four functions on three grids.
for cells in (24, 48, 96):
    kh.write(out / f"samples-{cells}.png", model.sample(4, grid=(cells, cells), seed=3), overwrite=True)

# %%
# How far are they from pictures that were not trained on?
table = kh.evaluate(model.sample(48, grid=(24, 24)), data, model=model, count=128)
print(table.verdict)
