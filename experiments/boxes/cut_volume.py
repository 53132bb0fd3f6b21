"""Windows of one large volume of labels, across seams and inside windows, as NumPy arrays.

    cut_volume.py LARGE.npy CELLS FOLDER [OVERLAP]

CELLS is the trained box's number of cells an axis. 64 windows of half as many cells are written for each: `across-seams.npy`, centred
where two windows of the sampler have half the weight each along all three axes, and `inside-windows.npy`, centred where one has all. Fields of
two dimensions are the business of cut.py. Needs numpy.
"""

import sys

import numpy as np

large, window, folder = np.load(sys.argv[1]).squeeze(), int(sys.argv[2]), sys.argv[3]
overlap = float(sys.argv[4]) if len(sys.argv) > 4 else 0.375
cells, half = large.shape[-1], window // 4
steps = -(-(cells - window) // int((1 - overlap) * window))
starts = [i * (cells - window) // steps for i in range(steps + 1)]
places = {
    "across-seams": [(a + window + b) // 2 for a, b in zip(starts, starts[1:])],
    "inside-windows": [start + window // 2 for start in starts[1:-1]],
}
for name, centres in places.items():
    around = lambda *centre: large[tuple(slice(c - half, c + half) for c in centre)]
    cut = np.stack([around(z, y, x) for z in centres for y in centres for x in centres])
    chosen = np.random.default_rng(0).permutation(len(cut))[:64]
    np.save(f"{folder}/{name}.npy", cut[chosen])
    print(name, cut[chosen].shape)
