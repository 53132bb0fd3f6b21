"""Fractions of phases in labels, beside what was asked for.

    python3 phase_fractions.py LABELS ASKED NAME…

LABELS is a file of labels (u8), the phases in the order of their labels; ASKED the fraction asked for of the first phase. Prints one line of
JSON: mean and deviation of the fraction of each phase from field to field. Needs numpy.
"""

import json
import sys

import numpy as np

labels = np.load(sys.argv[1])
values = np.unique(labels)
if len(values) != len(sys.argv[3:]):
    sys.exit(f"{sys.argv[1]}: {len(values)} labels for {len(sys.argv[3:])} names of phases; a phase may be absent")
flat = labels.reshape(len(labels), -1)
found = {"asked": float(sys.argv[2]), "fields": len(labels)}
for value, name in zip(values, sys.argv[3:]):
    part = (flat == value).mean(1)
    found[name] = [round(float(part.mean()), 4), round(float(part.std(ddof=1)), 4)]
print(json.dumps(found))
