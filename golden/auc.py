"""Areas under ROC curves from scikit-learn; writes auc.json beside itself.

python -m pip install numpy==2.4.6 scikit-learn==1.9.1 && python golden/auc.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.metrics import roc_auc_score

rng = np.random.default_rng(20261129)
pairs = [
    ([2.0, 3.0], [1.0, 2.0]),
    ([1.0], [1.0]),
    (rng.normal(0.7, 1.0, 40).round(6).tolist(), rng.normal(0.0, 1.0, 55).round(6).tolist()),
    # many ties
    (rng.integers(0, 5, 30).astype(float).tolist(), rng.integers(1, 6, 21).astype(float).tolist()),
    (rng.normal(5.0, 0.1, 12).round(6).tolist(), rng.normal(0.0, 0.1, 9).round(6).tolist()),
    (rng.normal(0.0, 1.0, 64).round(2).tolist(), rng.normal(0.0, 1.0, 64).round(2).tolist()),
]
cases = [
    {
        "positive": p,
        "negative": q,
        "auc": float(roc_auc_score([1] * len(p) + [0] * len(q), p + q)),
    }
    for p, q in pairs
]
out = {"versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__}, "cases": cases}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
