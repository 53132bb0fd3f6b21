#!/usr/bin/env python3
"""Trained models given observations, by the command line: means of draws, their errors, and what kriging makes of the same.

    ours.py KARHUNEN FOLDER RESULTS TASK [truths [draws [evaluations]]]

| TASK | model | what is observed |
|---|---|---|
| poisson-forward | poisson-a | 500 values of a: a mask; then both equations |
| poisson-inverse, helmholtz-inverse | poisson-a | 500 values of u: rows of the inverse operator, a matrix |
| darcy-forward | darcy-a | 500 values of a: a mask; then the equation, draw by draw |
| darcy-inverse | darcy-a | 500 values of u: rows of the derivative at the level set that inverse.py found |
| poisson-joint, darcy-joint | poisson-joint, darcy-joint | 500 values of one channel of two; no equation |

One JSON object a row goes to RESULTS/ours.jsonl.
"""

import json
import pathlib
import subprocess
import sys
import time

import numpy as np
from scipy import sparse

import equations as eq

karhunen, folder, results = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
task = sys.argv[4]
truths, draws, evaluations = (int(v) for v in (sys.argv[5:8] + ["16", "8", "20"][len(sys.argv) - 5 :]))
POINTS, SEED = 500, 11
work = folder / "work"
work.mkdir(exist_ok=True)


def sample(model, observed, summary=False, surrogate=False, order=1):
    """Draws given what is observed, [draw, ..., n, n], and the seconds of processor time they took."""
    out = work / f"{task}.npy"
    command = [karhunen, "sample", "--model", folder / model, "--observe", observed, "--count", draws,
               "--seed", SEED, "--evaluations", evaluations, "--out", out, "--force", "--quiet"]
    command += ["--surrogate"] if surrogate else ["--calibration", "none"]
    command += ["--guidance-order", "2", "--sampler", "dpm++2m"] if order == 2 else []
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(c) for c in command], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return np.load(out), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def mask(field, at, channel=None):
    """A file of observations: a field that is known at some cells."""
    known = np.full(field.size, np.nan)
    known[at] = field.ravel()[at]
    known = known.reshape(field.shape)
    if channel is not None:
        both = np.full((2, *field.shape), np.nan)
        both[channel] = known
        known = both[None]
    np.save(work / f"{task}-known.npy", known)
    text = f'[[observe]]\nkind = "mask"\nfile = "{task}-known.npy"\n'
    (work / f"{task}.toml").write_text(text)
    return work / f"{task}.toml"


def linear(rows, values, sd):
    """A file of observations: a matrix times the cells."""
    if rows is not None:
        sparse.save_npz(work / f"{task}-rows.npz", sparse.csr_matrix(rows), compressed=False)
    np.save(work / f"{task}-values.npy", values)
    text = f'[[observe]]\nkind = "linear"\nmatrix = "{task}-rows.npz"\nfile = "{task}-values.npy"\nsd = {sd:.3e}\n'
    (work / f"{task}.toml").write_text(text)
    return work / f"{task}.toml"


def read(name):
    return np.load(folder / f"{name}-truths.npy", mmap_mode="r")[:truths].astype(float)


def row(name, method, prior, cells, errors, seconds, **more):
    errors = np.asarray(errors)
    out = {"task": name, "method": method, "prior": prior, "cells": cells, "points": POINTS, "truths": len(errors),
           "draws": draws, "evaluations": evaluations, "percent": round(100 * errors.mean(), 3),
           "standard_error": round(100 * errors.std(ddof=1) / np.sqrt(len(errors)), 3),
           "processor_seconds_a_truth": round(seconds / len(errors), 1)} | more
    print(json.dumps(out), flush=True)
    with open(results / "ours.jsonl", "a") as file:
        file.write(json.dumps(out) + "\n")


def methods():
    yield "trained model, order 1", {}
    yield "its Gaussian law alone (kriging)", {"surrogate": True}


def poisson_forward():
    fields = {name: read(name) for name in ("poisson", "helmholtz")}
    a = fields["poisson"][:, 0]
    assert np.allclose(a, fields["helmholtz"][:, 0])
    at = eq.points(128, POINTS)
    for method, options in methods():
        found, seconds = [], 0
        for truth in a:
            drawn, spent = sample("poisson-a", mask(truth, at), **options)
            found.append(drawn.mean(0))
            seconds += spent
        found = np.array(found)
        for name, k in (("poisson", 0), ("helmholtz", 1)):
            row(f"{name} a -> u", method, "equation, samples of a", 128, eq.apart(eq.helmholtz(found, k), fields[name][:, 1]),
                seconds, coefficient_percent=round(100 * eq.apart(found, a).mean(), 3))


def linear_inverse(name, k):
    fields, at = read(name), eq.points(128, POINTS)
    units = np.zeros((POINTS, 128 * 128))
    units[np.arange(POINTS), at] = 1
    rows = eq.helmholtz(units.reshape(-1, 128, 128), k).reshape(POINTS, -1)
    linear(rows, np.zeros(POINTS), 1e-6)
    for method, options in methods():
        errors, seconds = [], 0
        for a, u in zip(fields[:, 0], fields[:, 1]):
            y = u.ravel()[at]
            drawn, spent = sample("poisson-a", linear(None, y, 1e-5 * np.std(y)), **options)
            errors.append(eq.apart(drawn.mean(0), a))
            seconds += spent
        row(f"{name} u -> a", method, "equation, samples of a", 128, errors, seconds)


def darcy_forward():
    fields, at = read("darcy"), eq.points(128, POINTS)
    for method, options in methods():
        errors, wrong, seconds = [], [], 0
        for a, u in zip(fields[:, 0], fields[:, 1]):
            drawn, spent = sample("darcy-a", mask(a, at), **options)
            sharp = np.where(drawn > 7.5, 12.0, 3.0)
            solved = eq.Darcy(sharp).solve(np.ones(a.shape), 1e-7)
            errors.append(eq.apart(solved.mean(0), u))
            wrong.append(np.mean((sharp.mean(0) > 7.5) != (a > 7.5)))
            seconds += spent
        row("darcy a -> u", method, "equation, 12 or 3, samples of a", 128, errors, seconds,
            cells_wrong_percent=round(100 * np.mean(wrong), 3))


def darcy_inverse():
    from inverse import Pressure

    fields, at = read("darcy"), eq.points(128, POINTS)
    start = np.load(folder / "darcy-inverse.npy")
    for method, options in methods():
        errors, wrong, seconds = [], [], 0
        for a, u, near in zip(fields[:, 0], fields[:, 1], start):
            now, y = Pressure(near, at), u.ravel()[at]
            units = np.zeros((POINTS, a.size))
            units[np.arange(POINTS), at] = 1
            back = now.lu.solve(units.T).T.reshape(-1, *a.shape)
            rows = now.darcy.gradient(now.u, back).reshape(POINTS, -1)
            misfit = y - now.seen()
            sd = max(1e-3 * np.std(y), 0.5 * np.sqrt(np.mean(misfit**2)))
            drawn, spent = sample("darcy-a", linear(rows, misfit + rows @ near.ravel(), sd), **options)
            guess = np.where(drawn.mean(0) > 7.5, 12.0, 3.0)
            errors.append(eq.apart(guess, a))
            wrong.append(np.mean(guess != a))
            seconds += spent
        row("darcy u -> a", method + ", rows at the level set", "equation, 12 or 3, samples of a", 128, errors, seconds,
            cells_wrong_percent=round(100 * np.mean(wrong), 3))


def joint(name):
    fields, at = eq.restricted(read(name), 64), eq.points(64, POINTS)
    for method, options in (("joint model, order 1", {}), ("joint model, order 2", {"order": 2}),
                            ("its Gaussian law alone (kriging)", {"surrogate": True})):
        for known, wanted, arrow in ((0, 1, "a -> u"), (1, 0, "u -> a")):
            errors, own, wrong, seconds = [], [], [], 0
            for truth in fields:
                drawn, spent = sample(f"{name}-joint", mask(truth[known], at, known), **options)
                mean = drawn.mean(0)
                errors.append(eq.apart(mean[wanted], truth[wanted]))
                own.append(eq.apart(mean[known], truth[known]))
                if name == "darcy" and wanted == 0:
                    wrong.append(np.mean((mean[0] > 7.5) != (truth[0] > 7.5)))
                seconds += spent
            more = {"cells_wrong_percent": round(100 * np.mean(wrong), 3)} if wrong else {}
            row(f"{name} {arrow}", method, "samples of pairs; no equation", 64, errors, seconds,
                known_channel_percent=round(100 * np.mean(own), 3), **more)


if __name__ == "__main__":
    results.mkdir(exist_ok=True)
    {
        "poisson-forward": poisson_forward,
        "poisson-inverse": lambda: linear_inverse("poisson", 0),
        "helmholtz-inverse": lambda: linear_inverse("helmholtz", 1),
        "darcy-forward": darcy_forward,
        "darcy-inverse": darcy_inverse,
        "poisson-joint": lambda: joint("poisson"),
        "darcy-joint": lambda: joint("darcy"),
    }[task]()
