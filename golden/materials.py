"""Reference values of the descriptors from PyPI peers; writes materials.json beside itself.

python -m pip install numpy==2.4.6 scipy==1.17.1 gstools==1.7.0 porespy==3.2.0 POT==0.9.7.post1 \
    scikit-image==0.26.0 vendi-score==0.0.3 && python golden/materials.py

Inputs come from `uniforms`, integer arithmetic that the test repeats, so only results are stored.

What the peers define otherwise, and how that is met here:
- PoreSpy's two-point correlation averages the lag vectors of a bin alike, ours the pairs of points;
  the test averages our directional values its way. Release 3.2.0 takes all orthants and pads with
  zeros; up to 2.3.0 windows were correlated as if periodic, one column short for odd last axes.
- PoreSpy's "lineal path" is a distribution of distances to the next interface: L(k) is the number of
  cells at distance k + 1 or more over the places of k + 1 cells.
- PoreSpy drops chords on the outermost lines with those at the ends; lines are spaced by blank ones.
- scikit-image sees a frame of background, so its bodies lie inside the box.
- GSTools' Matérn has κ = √ν/length, ours √(2ν)/length.
"""

import json
import pathlib
from importlib.metadata import version

import gstools as gs
import numpy as np
import ot
import porespy as ps
from skimage.filters import threshold_multiotsu
from skimage.measure import euler_number, perimeter_crofton
from vendi_score import vendi


def uniforms(count, start):
    i = np.arange(start, start + count, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    x = (i * np.uint64(2654435761)) & mask
    for _ in range(2):
        x ^= x >> np.uint64(16)
        x = (x * np.uint64(0x45D9F3B)) & mask
    x ^= x >> np.uint64(16)
    return x.astype(float) / 2.0**32


def phase(shape, fraction, start):
    return uniforms(int(np.prod(shape)), start).reshape(shape) < fraction


def spaced(im):
    """Lines along axis 0, every second one blank, and blank ones outside."""
    out = np.zeros((im.shape[0], 2 * im.shape[1] + 3), dtype=bool)
    out[:, 2:-2:2] = im
    return out


def chords(im):
    lines = ps.filters.apply_chords(spaced(im), spacing=1, axis=0, trim_edges=True)
    return np.bincount(ps.metrics.chord_counts(lines), minlength=im.shape[0] + 1)[1:].tolist()


def lineal_path(im):
    distance = ps.filters.distance_transform_lin(im, axis=0, mode="forward")
    n = im.shape[0]
    cells = ps.metrics.lineal_path_distribution(distance, bins=np.arange(0.5, n + 1.5))
    at_least = np.cumsum((cells.relfreq * im.sum())[::-1])[::-1]
    return [at_least[k] / ((n - k) * im.shape[1]) for k in range(n)]


out = {
    "versions": {
        name: version(name)
        for name in ["numpy", "scipy", "gstools", "porespy", "POT", "scikit-image", "vendi-score"]
    }
}

plane = phase((13, 10), 0.7, 0)
edges = np.arange(-0.5, 6)
two_point = ps.metrics.two_point_correlation(plane, bins=edges)
out["porespy"] = {
    "two_point": two_point.probability_scaled.tolist(),
    "chords": [chords(plane), chords(plane.T)],
    "lineal_path": [lineal_path(plane), lineal_path(plane.T)],
}

body = np.pad(phase((11, 8), 0.6, 1000), 1)
solid = phase((6, 5, 7), 0.4, 2000)
out["skimage"] = {
    "crofton_perimeter": float(perimeter_crofton(body, directions=4)),
    "euler_plane": [int(euler_number(plane, connectivity=c)) for c in (1, 2)],
    "euler_solid": [int(euler_number(solid, connectivity=c)) for c in (1, 3)],
    "multi_otsu": {},
}
levels = np.floor(40 * (uniforms(300, 3000) + uniforms(300, 3300) ** 3)).astype(int).reshape(20, 15)
for classes in (2, 3, 4):
    out["skimage"]["multi_otsu"][classes] = threshold_multiotsu(levels, classes).tolist()

grey = uniforms(9 * 8, 4000).reshape(9, 8)
out["gstools"] = {
    "variogram": [gs.vario_estimate_axis(grey, direction=d).tolist() for d in ("x", "y")],
    "matern": [],
}
for dim in (1, 2, 3):
    for nu in (0.5, 1.5, 2.7):
        model = gs.Matern(dim=dim, var=1.7, len_scale=0.3 / np.sqrt(2), nu=nu)
        omega = np.pi * np.arange(5)  # along the first axis of a unit box
        density = model.spectrum(omega)  # with the factor 1/(2π)^d in it
        out["gstools"]["matern"].append(
            {"dim": dim, "smoothness": nu, "density": (density * (2 * np.pi) ** dim).tolist(),
             "covariance": model.covariance(0.1 * np.arange(5)).tolist()}
        )

x, y = uniforms(6 * 5, 5000).reshape(6, 5), 1.5 * uniforms(9 * 5, 6000).reshape(9, 5)
theta = uniforms(5 * 7, 7000).reshape(5, 7) - 0.5
out["pot"] = {"sliced": float(ot.sliced_wasserstein_distance(x, y, projections=theta))}

norm = ((x[:, None, :] - x[None, :, :]) ** 2).mean(axis=2)  # mean over points
out["vendi"] = {"score": float(vendi.score_K(np.exp(-0.5 * norm / 0.4**2)))}

target = pathlib.Path(__file__).with_suffix(".json")
target.write_text(json.dumps(out) + "\n")
