"""Windows of large fields, as NumPy arrays: across seams, inside windows, anywhere, and of the middle of small fields.

cut.py LARGE.npy SMALL.npy REAL.raw FOLDER [OVERLAP]
"""

import sys

import numpy as np

large_path, small_path, real_path, folder = sys.argv[1:5]
overlap = float(sys.argv[5]) if len(sys.argv) > 5 else 0.375
large = np.load(large_path).astype(np.float32).squeeze()
small = np.load(small_path).astype(np.float32).squeeze()
cells, window = large.shape[-1], small.shape[-1]
real = np.fromfile(real_path, "<f4").reshape(-1, cells, cells)

stride = int((1 - overlap) * window)
steps = -(-(cells - window) // stride)
starts = [i * (cells - window) // steps for i in range(steps + 1)]
seams = [(a + window + b) // 2 for a, b in zip(starts, starts[1:])]
centres = [start + window // 2 for start in starts[1:-1]]
half = window // 4


def around(fields, places):
    cut = [
        field[y - half : y + half, x - half : x + half]
        for field in fields
        for y in places
        for x in places
        if min(y, x) >= half and max(y, x) + half <= fields.shape[-1]
    ]
    return np.stack(cut)


def tiles(fields, size):
    n = fields.shape[-1] // size
    return np.stack([f[i * size : (i + 1) * size, j * size : (j + 1) * size] for f in fields for i in range(n) for j in range(n)])


def save(name, fields):
    np.save(f"{folder}/{name}.npy", fields[:, None])
    print(name, fields.shape)


across, inside = around(large, seams[1:-1]), around(large, centres)
n = min(len(across), len(inside))
save("across-seams", across[:n])
save("inside-windows", inside[:n])
save("large-64", tiles(large, window))
save("real-64", tiles(real, window))
save("real-32", around(real, [48 + 40 * i for i in range(11)]))
save("large-32", around(large, [48 + 40 * i for i in range(11)]))
save("small-middle-32", small[:, half : 3 * half, half : 3 * half])
