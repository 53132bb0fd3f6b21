"""
A model from one image
======================

One picture is all there is. Patches of it are the fields, and part of it is held out.

The picture is made here, so that the example needs no download. Put your own in its place.
"""

import sys
from pathlib import Path

import numpy as np

import karhunen as kh

out = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
out.mkdir(parents=True, exist_ok=True)

# %%
# One picture of 240² pixels: two phases, between which a smooth random function decides.
law = kh.prior.Matern(length=0.03, smoothness=2.5)
picture = np.tanh(4 * law.sample(1, grid=(240, 240), seed=4))
kh.write(out / "one-image.tif", picture, overwrite=True)

# %%
# ``patch`` cuts it. Of one picture a strip of its first axis is held out, with a gap beside it. Ask how many patches fit
# side by side, not how many are cut: here 25 of 48². Mirrors and turns make more of them, if your material has no
# direction.
data = kh.Data(out / "one-image.tif", patch=(48, 48), augment=["mirror", "rotate"])
print(data)
model = kh.train(
    data,
    levels=[12, 24],
    steps=30,
    settings={"network.width": [8], "network.blocks": [2], "training.batch": 8},
    out=out / "run-one-image",
    preview=True,
)

# %%
# A model of few data may repeat them. The table says how many samples lie as near to a training patch as few held-out
# ones do, and how far the patches trained on are from those held out.
samples = model.sample(48, grid=(24, 24), seed=1)
table = kh.evaluate(samples, data, model=model, count=96, memorisation="all")
print(table.verdict)
print("copies:", table.to_dict()["memorisation"])

# %%
# New pictures of the patch's size, twice as fine as the network was trained.
kh.write(out / "one-image-samples.png", model.sample(9, grid=(48, 48), seed=1), overwrite=True)
