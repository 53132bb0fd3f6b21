"""Reference value of the Fréchet distance from SciPy's matrix root; writes features.json beside itself.

python -m pip install numpy==2.4.6 scipy==1.17.1 && python golden/features.py
"""

import json
import pathlib

import numpy as np
import scipy
from scipy.linalg import sqrtm

DIM = 6

rng = np.random.default_rng(20251125)
mix = rng.normal(size=(DIM, DIM))
x = np.round(rng.normal(size=(11, DIM)) @ mix, 6)
y = np.round(0.5 + rng.gamma(2.0, 0.7, (9, DIM)), 6)

apart = ((x.mean(0) - y.mean(0)) ** 2).sum()
cx, cy = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
distance = apart + np.trace(cx + cy - 2 * sqrtm(cx @ cy).real)

out = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
    "dim": DIM,
    "x": x.ravel().tolist(),
    "y": y.ravel().tolist(),
    "frechet_distance": float(distance),
}
target = pathlib.Path(__file__).with_suffix(".json")
target.write_text(json.dumps(out) + "\n")
