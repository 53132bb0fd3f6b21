"""Reference values of the metrics from SciPy and POT; writes metrics.json beside itself.

python -m pip install numpy==2.4.6 scipy==1.17.1 POT==0.9.7.post1 && python golden/metrics.py
"""

import json
import pathlib

import numpy as np
import ot
import scipy
from scipy.fft import dctn
from scipy.signal import correlate
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

SHAPE = (6, 5)  # a Neumann grid of cubic cells: lengths 1 and 5/6
CELL = 1 / SHAPE[0]

rng = np.random.default_rng(20240501)
x = np.round(rng.normal(0.2, 1.0, (5, *SHAPE)), 6)
y = np.round(rng.gamma(2.0, 0.5, (7, *SHAPE)), 6)
points = SHAPE[0] * SHAPE[1]


def mean_distinct(d):
    return d.sum() / (len(d) * (len(d) - 1))


def flat(f):
    """Rows whose Euclidean norm is the mean-square norm of the field."""
    return f.reshape(len(f), -1) / np.sqrt(points)


energy = (
    2 * cdist(flat(x), flat(y)).mean()
    - mean_distinct(cdist(flat(x), flat(x)))
    - mean_distinct(cdist(flat(y), flat(y)))
)

histogram = wasserstein_distance(x.ravel(), y.ravel()) / y.std()

u, v = x[:, 0, 0], y[:, 0, 0]
transport = float(ot.wasserstein_1d(u, v, p=2))

power = np.mean([dctn(f, norm="ortho") ** 2 / points for f in y], axis=0)
omega = np.hypot(*np.meshgrid(*[np.pi * np.arange(n) / (n * CELL) for n in SHAPE], indexing="ij"))
shell = np.rint(omega / np.pi).astype(int)
held = np.unique(shell)
spectrum = [power[shell == s].mean() for s in held]

phase = (y > 1.0).astype(float)
lag = np.hypot(*np.meshgrid(*[np.arange(-n + 1, n) for n in SHAPE], indexing="ij"))
both = np.mean([correlate(f, f, mode="full", method="direct") for f in phase], axis=0)
pairs = correlate(np.ones(SHAPE), np.ones(SHAPE), mode="full", method="direct")
bins = range(int(0.5 * min(SHAPE)) + 1)
window = [both[np.rint(lag) == b].sum() / pairs[np.rint(lag) == b].sum() for b in bins]

out = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "POT": ot.__version__},
    "shape": SHAPE,
    "x": x.ravel().tolist(),
    "y": y.ravel().tolist(),
    "energy_distance": energy,
    "histogram_distance": histogram,
    "transport": {"u": u.tolist(), "v": v.tolist(), "cost": transport},
    "spectrum": [float(p) for p in spectrum],
    "two_point": {"threshold": 1.0, "pairs": [int(pairs[np.rint(lag) == b].sum()) for b in bins],
                  "correlation": [float(s) for s in window]},
}
target = pathlib.Path(__file__).with_suffix(".json")
target.write_text(json.dumps(out) + "\n")
