"""How near draws of one field come to the truth, given the field beside it.

    python3 beside.py TRUTH DRAWS NAME

DRAWS holds fields in the order of TRUTH and from the first one again: draw j of field i is number i + j n.
Prints one line of JSON. Both errors are relative L2 errors, means over fields: of a single draw, and of the mean of all draws
of a field. The spread-skill ratio is 1 for a right spread. For values 0 and 1, `wrong` is the part of the cells where the
mean of the draws is on the other side of one half. Needs numpy.
"""

import json
import sys

import numpy as np

truth = np.load(sys.argv[1]).astype(float)
draws = np.load(sys.argv[2]).astype(float)
truth = truth.reshape(len(truth), -1)
draws = draws.reshape(-1, *truth.shape)
norm = np.linalg.norm(truth, axis=-1)
error = lambda x: np.linalg.norm(x - truth, axis=-1) / norm  # noqa: E731
mean = draws.mean(0)
count = len(draws)
spread = draws.var(0, ddof=1).mean() * (1 + 1 / count)
found = {
    "name": sys.argv[3],
    "fields": len(truth),
    "draws": count,
    "error of a draw": float(np.mean([error(d) for d in draws])),
    "error of the mean": float(error(mean).mean()),
    "spread over skill": float(np.sqrt(spread / ((mean - truth) ** 2).mean())),
}
if set(np.unique(truth)) <= {0.0, 1.0}:
    found["wrong"] = float(((mean > 0.5) != (truth > 0.5)).mean())
    found["majority wrong"] = float(min(truth.mean(), 1 - truth.mean()))
print(json.dumps(found))
