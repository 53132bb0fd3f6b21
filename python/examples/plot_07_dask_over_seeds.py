"""
Dask over seeds
===============

Many fields are made by many workers. A field is a function of its seed and its number alone, so that every worker makes
its own part of one set, whatever the others do.

It needs Dask: ``pip install "dask[array]"``.
"""

import sys
from functools import lru_cache
from pathlib import Path

import dask
import dask.array
import numpy as np

import karhunen as kh

out = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
out.mkdir(parents=True, exist_ok=True)

# %%
# A model that comes along. Workers open it themselves, once each: a model is a name and no heavy argument.
NAME, GRID = "builtin:grains", (64, 64)


@lru_cache(maxsize=1)
def opened(name):
    """The model of this worker."""
    return kh.Model(name)


def part(name, first, count, seed):
    """Fields ``first`` to ``first + count - 1`` of a seed."""
    return opened(name).sample(count, grid=GRID, seed=seed, first=first, dtype=np.float32)


# %%
# Two seeds with eight fields each, in parts of four: a lazy array. Nothing is sampled yet.
parts = [
    dask.array.concatenate(
        [
            dask.array.from_delayed(dask.delayed(part)(NAME, first, 4, seed), (4, *GRID), np.float32)
            for first in range(0, 8, 4)
        ]
    )
    for seed in (1, 2)
]
fields = dask.array.stack(parts)
print(fields)

# %%
# What is asked of the array is computed part by part: a mean needs no memory for all fields. The package frees the
# interpreter while it computes, so that threads are enough. On a cluster, give ``dask.distributed`` the same tasks.
mean = fields.mean(axis=(0, 1)).compute(scheduler="threads", num_workers=2)
shares = (fields > 0).mean(axis=(2, 3)).compute(scheduler="threads", num_workers=2)
print(f"share of light grains, seed by seed: {shares.mean(1).round(3)}, from field to field ±{shares.std():.3f}")
kh.write(out / "dask-mean.png", mean[np.newaxis], overwrite=True)

# %%
# The parts are those of one call.
assert np.array_equal(fields[0, 4:8].compute(), kh.Model(NAME).sample(4, GRID, seed=1, first=4, dtype="float32"))
