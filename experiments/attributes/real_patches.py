"""Real patches of labels with a given fraction of the first phase.

    python3 real_patches.py SLICES SIDE ASKED OUT

Cuts patches of SIDE x SIDE pixels, half a side apart, from every slice, keeps those whose fraction of label 0 is within 0.015 of ASKED,
at most 256 of them, and writes them as an array of labels. Needs numpy and pillow.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

source, side, asked, out = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
kept = []
for path in sorted(source.glob("*.png")):
    image = np.asarray(Image.open(path))
    for y in range(0, image.shape[0] - side + 1, side // 2):
        for x in range(0, image.shape[1] - side + 1, side // 2):
            patch = image[y : y + side, x : x + side]
            if abs((patch == 0).mean() - asked) <= 0.015:
                kept.append(patch)
order = np.random.default_rng(0).permutation(len(kept))[:256]
np.save(out, np.stack([kept[i] for i in order]))
print(f"{len(kept)} patches with a fraction of {asked}, {len(order)} kept")
