#!/usr/bin/env python3
"""What can be known: the mean of the exact law given 500 values, and simple kriging by GSTools beside it.

    oracle.py FOLDER RESULTS [cells [points [truths [TASK...]]]]      TASK: poisson, helmholtz, gstools, navier-stokes, darcy

Without a TASK all are done. FOLDER holds EQUATION-truths.npy as run.sh makes them. One JSON object a row goes to RESULTS/oracle-CELLS.jsonl.
"""

import json
import pathlib
import sys
import time

import numpy as np
from scipy import linalg

import equations as eq

folder, results = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
cells, count, truths = (int(v) for v in (sys.argv[3:6] + ["128", "500", "50"][len(sys.argv) - 3 :]))
DRAWS, SWEEPS = 16, 60


def read(name):
    fields = np.load(folder / f"{name}-truths.npy", mmap_mode="r")[:truths].astype(float)
    return eq.restricted(fields, cells, name == "navier-stokes")


class Seen:
    """A Gaussian law seen through rows: means and draws given what they gave."""

    def __init__(self, law, rows):
        self.law, self.rows = law, rows
        n2 = law.n**2
        self.spread = law.covariance(rows.reshape(-1, law.n, law.n)).reshape(-1, n2)
        s = self.spread @ rows.reshape(-1, n2).T
        self.factor = linalg.cho_factor(s + 1e-12 * np.trace(s) / len(s) * np.eye(len(s)))

    def see(self, fields):
        return fields.reshape(*fields.shape[:-2], -1) @ self.rows.reshape(len(self.rows), -1).T

    def mean(self, y):
        weights = linalg.cho_solve(self.factor, y.T).T
        return (weights @ self.spread).reshape(*y.shape[:-1], self.law.n, self.law.n)

    def draws(self, y, count, rng):
        free = self.law.draws(count, rng)
        return free + self.mean(y - self.see(free))


def units(n, at):
    rows = np.zeros((len(at), n, n))
    rows.reshape(len(at), -1)[np.arange(len(at)), at] = 1
    return rows


def row(task, method, prior, errors, seconds, **more):
    errors = np.asarray(errors)
    out = {
        "task": task,
        "method": method,
        "prior": prior,
        "cells": cells,
        "points": count,
        "truths": len(errors),
        "percent": round(100 * errors.mean(), 3),
        "standard_error": round(100 * errors.std(ddof=1) / np.sqrt(len(errors)), 3),
        "seconds_a_truth": round(seconds / len(errors), 3),
    } | more
    print(json.dumps(out), flush=True)
    return out


def linear_pairs(name, k, learned):
    fields = read(name)
    a, u = fields[:, 0], fields[:, 1]
    at = eq.points(cells, count)
    rows = units(cells, at)
    solve = lambda x: eq.helmholtz(x, k)
    for method, law, prior in (
        ("Bayes mean", eq.Law.rough(cells), "equation, law of a"),
        ("kriging, spectrum of samples", learned, "equation, 512 samples of a"),
    ):
        begun = time.time()
        seen = Seen(law, rows)
        found = seen.mean(seen.see(a))
        yield row(f"{name} a -> u", method, prior, eq.apart(solve(found), u), time.time() - begun,
                  coefficient_percent=round(100 * eq.apart(found, a).mean(), 3))
        begun = time.time()
        seen = Seen(law, solve(rows))
        found = seen.mean(u.reshape(len(u), -1)[:, at])
        yield row(f"{name} u -> a", method, prior, eq.apart(found, a), time.time() - begun)


def gstools_forward(name, k, samples, some=4):
    """Ordinary tools: a variogram of samples, fitted by a Matern model, simple kriging of a, then the equation."""
    import gstools as gs

    fields = read(name)[:some]
    a, u = fields[:, 0], fields[:, 1]
    at = eq.points(cells, count)
    x = (np.arange(cells) + 0.5) / cells
    begun = time.time()
    places = np.random.default_rng(1).permutation(cells**2)[:400]
    where = [x[places // cells], x[places % cells]]
    centres, gamma = gs.vario_estimate(where, samples[:40].reshape(40, -1)[:, places], np.linspace(0, 0.5, 26))
    model = gs.Matern(dim=2)
    model.fit_variogram(centres, gamma, nugget=False)
    errors, own = [], []
    for truth, solution in zip(a, u):
        krige = gs.krige.Simple(model, [x[at // cells], x[at % cells]], truth.ravel()[at], mean=0.0)
        found = krige.structured([x, x], return_var=False)
        errors.append(eq.apart(eq.helmholtz(found, k), solution))
        own.append(eq.apart(found, truth))
    return row(f"{name} a -> u", "GSTools simple kriging, then the equation", "equation, Matern variogram of 40 samples",
               errors, time.time() - begun, coefficient_percent=round(100 * np.mean(own), 3), smoothness=round(model.nu, 2))


def darcy_forward(law, method, prior, some=12):
    """Signs at points: truncated normal values by Gibbs sweeps, then kriged draws, solved and averaged."""
    fields = read("darcy")[:some]
    a, u = fields[:, 0], fields[:, 1]
    at = eq.points(cells, count)
    law = eq.Law(law.variances / law.variances.sum())
    seen = Seen(law, units(cells, at))
    s = seen.spread[:, at]
    precision = np.linalg.inv(s + 1e-9 * np.trace(s) / len(s) * np.eye(len(s)))
    sd = 1 / np.sqrt(np.diag(precision))
    rng = np.random.default_rng(2)
    begun = time.time()
    errors, wrong = [], []
    for truth, solution in zip(a, u):
        sign = np.where(truth.ravel()[at] > 7.5, 1.0, -1.0)
        # all chains at once
        z = np.abs(rng.standard_normal((DRAWS, count))) * sign * np.sqrt(np.diag(s))
        product = z @ precision
        for _ in range(SWEEPS):
            for i in range(count):
                mean = z[:, i] - product[:, i] / precision[i, i]
                new = mean + sign[i] * sd[i] * truncated(-sign[i] * mean / sd[i], rng)
                product += (new - z[:, i])[:, None] * precision[i]
                z[:, i] = new
        free = law.draws(DRAWS, rng)
        drawn = np.where(free + seen.mean(z - seen.see(free)) > 0, 12.0, 3.0)
        solved = eq.Darcy(drawn).solve(np.ones((cells, cells)), 1e-6)
        errors.append(eq.apart(solved.mean(0), solution))
        most = np.where(drawn.mean(0) > 7.5, 12.0, 3.0)
        wrong.append(np.mean(most != truth))
    return row("darcy a -> u", f"{method}, {DRAWS} draws", prior, errors, time.time() - begun,
               cells_wrong_percent=round(100 * np.mean(wrong), 3))


def truncated(low, rng):
    """A standard normal above `low`."""
    from scipy.special import ndtr, ndtri

    tail = ndtr(-low)
    return -ndtri(np.maximum(rng.random(low.shape) * tail, 1e-300))


def flow_forward(learned):
    fields = read("navier-stokes")
    a, u = fields[:, 0], fields[:, 1]
    at = eq.points(cells, count)
    # waves beyond 64 cells leave no trace after a unit of time
    flow = eq.Flow(64, 16)
    for method, law, prior in (
        ("Bayes mean of w(0)", eq.Law.rough(cells, True), "equation, law of w(0)"),
        ("kriging, spectrum of samples", learned, "equation, 512 samples of w(0)"),
    ):
        begun = time.time()
        seen = Seen(law, units(cells, at))
        found = seen.mean(seen.see(a))
        errors = [eq.apart(eq.continued(flow.run(f)[0], cells), truth)
                  for f, truth in zip(eq.restricted(found, 64, True), u)]
        yield row("navier-stokes a -> u", method + ", carried on", prior, errors, time.time() - begun,
                  coefficient_percent=round(100 * eq.apart(found, a).mean(), 3))


def main():
    results.mkdir(exist_ok=True)
    wanted = sys.argv[6:] or ["poisson", "helmholtz", "gstools", "navier-stokes", "darcy"]
    train = np.load(folder / "poisson-train.npy", mmap_mode="r")
    samples = eq.restricted(train[:512, 0].astype(float), cells, False)
    learned = eq.Law.measured(samples)
    with open(results / f"oracle-{cells}.jsonl", "a", buffering=1) as out:
        put = lambda rows: [out.write(json.dumps(r) + "\n") for r in rows]
        for name, k in (("poisson", 0), ("helmholtz", 1)):
            if name in wanted:
                put(linear_pairs(name, k, learned))
        if "gstools" in wanted:
            put([gstools_forward("poisson", 0, samples)])
        if "navier-stokes" in wanted:
            flows = np.load(folder / "navier-stokes-train-64.npy", mmap_mode="r")[:, 0].astype(float)
            v = eq.Law.measured(flows, True).variances
            put(flow_forward(eq.Law(eq.fine(v, cells), True)))
        if "darcy" in wanted:
            from inverse import latent, smooth

            put([darcy_forward(eq.Law.rough(cells), "level sets of the true Gaussian law", "equation, law of a")])
            train = np.load(folder / "darcy-train.npy", mmap_mode="r")[:512, 0].astype(float)
            put([darcy_forward(eq.Law(smooth(latent(train))), "level sets of a Gaussian law",
                               "equation; a jumps where a Gaussian field changes sign; its spectrum from 512 samples")])


if __name__ == "__main__":
    main()
