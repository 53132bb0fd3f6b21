"""
A volume for ParaView
=====================

A model of small volumes makes a larger number of cells in the same box, and writes a file that ParaView opens.
"""

import sys
from pathlib import Path

import numpy as np

import karhunen as kh

out = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
out.mkdir(parents=True, exist_ok=True)

# %%
# Sixty volumes of 16³ cells: a smooth random function with its extremes pressed together.
volumes = np.tanh(2 * kh.prior.Matern(length=0.15, smoothness=1.5).sample(60, grid=(16, 16, 16), seed=1))

# %%
# The cells are 2.5 µm apart. A model keeps that.
model = kh.train(
    kh.Data(volumes, dim=3, spacing=2.5),
    levels=[8, 16],
    steps=10,
    settings={"network.width": [8], "network.blocks": [1], "training.batch": 4},
    out=out / "run-volume",
)
found = model.samples(1, grid=(32, 32, 32), seed=4, evaluations=12)
print(f"cells of {found.spacing[0]:g} instead of 2.5: the same box, finer")

# %%
# Open volume.vti in ParaView, and choose "Volume" or "Contour".
found.write(out / "volume.vti", overwrite=True)
kh.write(out / "middle-slice.png", found.fields[:, 16], overwrite=True)
