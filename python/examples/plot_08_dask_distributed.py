"""
Dask on a cluster
=================

``dask.distributed`` hands tasks to workers on any machines. A field is a function of its seed and its number, so that a
task is two numbers, a worker that is lost costs nothing but its tasks, and the result is that of one call.

It needs Dask with its scheduler: ``pip install "dask[array,distributed]"``.
"""

import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster

import karhunen as kh

NAME, GRID, SEED, COUNT, PART = "builtin:grains", (64, 64), 5, 16, 4


@lru_cache(maxsize=1)
def opened(name):
    """The model of this worker: opened once, by its name."""
    return kh.Model(name)


def part(first):
    """Some of the fields."""
    return opened(NAME).sample(PART, grid=GRID, seed=SEED, first=first, dtype=np.float32)


def main(out):
    """Samples on two workers, which are processes of this machine."""
    # On a cluster, ``Client("scheduler:8786")`` or one of ``dask_jobqueue``'s instead.
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        # a function of one argument and no data travel
        tasks = client.map(part, range(0, COUNT, PART))
        fields = np.concatenate(client.gather(tasks))
        workers = {worker for where in client.who_has(tasks).values() for worker in where}
    print(f"{len(fields)} fields by {len(workers)} workers")
    kh.write(out / "dask-fields.png", fields, overwrite=True)
    # The parts are those of one call, to the last bit.
    assert np.array_equal(fields, kh.Model(NAME).sample(COUNT, grid=GRID, seed=SEED, dtype=np.float32))


# Workers import this file; only the script itself starts them.
if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
    folder.mkdir(parents=True, exist_ok=True)
    main(folder)
