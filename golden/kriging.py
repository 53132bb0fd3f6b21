"""Simple kriging by GSTools, in one and two dimensions; writes kriging.json beside itself.

python -m pip install numpy scipy gstools==1.7.0 && python golden/kriging.py
"""

import json
import pathlib

import gstools
import numpy as np

NU, VARIANCE, LENGTH, MEAN = 3.5, 1.7, 0.07, 0.4

rng = np.random.default_rng(20250917)


def case(dim, count, targets, deviation):
    # places stay ten correlation lengths from the walls' images, so that no box is felt
    # and most of one from one another, so that neither side's rounding is amplified
    places = np.empty((0, dim))
    while len(places) < count:
        new = rng.uniform(0.3, 0.7, (1, dim))
        if np.all(np.linalg.norm(places - new, axis=1) > 0.7 * LENGTH):
            places = np.round(np.vstack([places, new]), 4)
    values = np.round(rng.normal(MEAN, VARIANCE**0.5, count), 4)
    at = np.round(rng.uniform(0.3, 0.7, (targets, dim)), 4)
    # GSTools' argument is sqrt(nu) r / l; ours, as Rasmussen and Williams', sqrt(2 nu) r / l
    model = gstools.Matern(dim=dim, var=VARIANCE, len_scale=LENGTH / 2**0.5, nu=NU, rescale=1.0)
    r = np.linspace(0.001, 0.3, 50)
    z = (2 * NU) ** 0.5 * r / LENGTH
    assert np.allclose(model.covariance(r), VARIANCE * (1 + z + 0.4 * z**2 + z**3 / 15) * np.exp(-z), atol=1e-12)
    krige = gstools.krige.Simple(
        model, places.T, values, mean=MEAN, cond_err=deviation**2
    )
    mean, variance = krige(at.T, return_var=True)
    return {
        "deviation": deviation,
        "places": places.tolist(),
        "values": values.tolist(),
        "targets": at.tolist(),
        "mean": mean.tolist(),
        "variance": variance.tolist(),
    }


out = {
    "smoothness": NU,
    "variance": VARIANCE,
    "length": LENGTH,
    "mean": MEAN,
    "gstools": gstools.__version__,
    "cases": [case(1, 7, 9, 0.0), case(1, 7, 9, 0.3), case(2, 12, 9, 0.0), case(2, 12, 9, 0.25)],
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out, indent=1) + "\n")
