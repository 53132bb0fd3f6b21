"""Reference values of the statistics of phases from PyPI peers; writes phases.json beside itself.

python -m pip install numpy==2.4.6 scipy==1.17.1 porespy==3.2.0 taufactor==1.2.1 \
    && python golden/phases.py

Inputs are unions of balls whose centres come from `uniforms`, integer arithmetic that the test repeats, so
only results are stored.

What the peers define otherwise, and how that is met here:
- PoreSpy's distances are to the centre of the nearest cell outside, ours to its surface, half a cell
  less; its radii r are therefore our radii r - 1/2. It takes whole r only; the test takes those.
- TauFactor iterates in single precision until its own criterion; scipy solves the same balances exactly.
"""

import json
import pathlib
from importlib.metadata import version

import numpy as np
import porespy as ps
import scipy.sparse as sp
import scipy.sparse.linalg as spl
import taufactor


def uniforms(count, start):
    i = np.arange(start, start + count, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    x = (i * np.uint64(2654435761)) & mask
    for _ in range(2):
        x ^= x >> np.uint64(16)
        x = (x * np.uint64(0x45D9F3B)) & mask
    x ^= x >> np.uint64(16)
    return x.astype(float) / 2.0**32


def balls(shape, count, radius, start):
    """Cells whose centre lies in one of `count` balls; lengths in cells."""
    centres = uniforms(count * len(shape), start).reshape(count, len(shape)) * shape
    cells = np.stack(np.meshgrid(*[np.arange(n) + 0.5 for n in shape], indexing="ij"), -1)
    inside = np.zeros(shape, dtype=bool)
    for centre in centres:
        inside |= ((cells - centre) ** 2).sum(-1) < radius**2
    return inside


def exact(im, axis):
    """D_eff / D by a direct solver: faces of the box half a cell beyond the outer centres."""
    im = np.moveaxis(im, axis, 0)
    number = -np.ones(im.shape, dtype=int)
    number[im] = np.arange(im.sum())
    n = int(im.sum())
    rows, cols, vals = [], [], []
    diagonal = np.full(n, 1e-12)
    for a in range(im.ndim):
        low = np.moveaxis(number, a, 0)[:-1].ravel()
        high = np.moveaxis(number, a, 0)[1:].ravel()
        both = (low >= 0) & (high >= 0)
        for i, j in ((low[both], high[both]), (high[both], low[both])):
            rows.append(i), cols.append(j), vals.append(-np.ones(i.size))
            np.add.at(diagonal, i, 1.0)
    b = np.zeros(n)
    first, last = number[0][number[0] >= 0], number[-1][number[-1] >= 0]
    diagonal[first] += 2.0
    diagonal[last] += 2.0
    b[first] = 2.0
    rows.append(np.arange(n)), cols.append(np.arange(n)), vals.append(diagonal)
    m = sp.csc_matrix((np.concatenate(vals), (np.concatenate(rows), np.concatenate(cols))))
    c = spl.spsolve(m, b)
    flux = 2.0 * (1.0 - c[first]).sum()
    return float(flux * im.shape[0] / np.prod(im.shape[1:]))


def tau_factor(im, axis):
    solver = taufactor.Solver(np.moveaxis(im, axis, 0).astype(np.uint8), device="cpu")
    solver.solve(verbose=False, conv_crit=1e-3)
    return float(np.ravel(solver.D_eff)[0])


CASES = {
    "plane": ([40, 34], 30, 4.2, 1),
    "solid": ([26, 22, 24], 60, 4.6, 500),
}

found = {}
for name, (shape, count, radius, start) in CASES.items():
    void = ~balls(shape, count, radius, start)
    radii = np.arange(1, 12)
    thickness = ps.filters.local_thickness(void, sizes=radii, method="dt")
    found[name] = {
        "shape": shape,
        "count": count,
        "radius": radius,
        "start": start,
        "fraction": float(void.mean()),
        "thickness_counts": [int((np.abs(thickness - r) < 1e-9).sum()) for r in radii],
        "thickness_radii": [int(r) for r in radii],
        "exact": [exact(void, a) for a in range(len(shape))],
        "taufactor": [tau_factor(void, a) for a in range(len(shape))] if len(shape) == 3 else [],
    }
peers = {p: version(p) for p in ["numpy", "scipy", "porespy", "taufactor"]}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"peers": peers, **found}, indent=1) + "\n")
