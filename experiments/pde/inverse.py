#!/usr/bin/env python3
"""The nonlinear inverse problems by Gauss-Newton under a Gaussian law: Darcy's permeability, the first vorticity.

    inverse.py FOLDER RESULTS TASK [cells [points [truths]]]      TASK: darcy, navier-stokes

Each iteration replaces the equation by its derivative at the present estimate, kriges, and looks again. The derivative is
never a matrix: products with it and with its adjoint are one solution of an equation each.
"""

import json
import pathlib
import sys
import time

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

import equations as eq


def krige(law, forwards, backwards, y, noise, iterations, tolerance):
    """C J' (J C J' + noise)^-1 y by conjugate gradients: the mean of N(0, C) given J x = y."""
    x, r = np.zeros_like(y), y.copy()
    p, along = r, r @ r
    whole = along
    for _ in range(iterations):
        q = forwards(law.covariance(backwards(p))) + noise * p
        step = along / (p @ q)
        x, r = x + step * p, r - step * q
        after = r @ r
        if after <= tolerance**2 * whole:
            break
        p, along = r + after / along * p, after
    return law.covariance(backwards(x))


# --- Darcy


class Pressure:
    """u at some cells of a permeability, with its derivative."""

    def __init__(self, a, at):
        n = a.shape[-1]
        self.darcy, self.at, self.n = eq.Darcy(a), at, n
        number = np.arange(n * n).reshape(n, n)
        diagonal = np.zeros((n, n))
        rows, columns, values = [], [], []
        for axis, face, wall in zip((0, 1), self.darcy.faces, self.darcy.walls):
            m, d = np.moveaxis(number, axis, -1), np.moveaxis(diagonal, axis, -1)
            d[..., :-1] += face
            d[..., 1:] += face
            d[..., [0, -1]] += wall
            rows += [m[..., :-1].ravel(), m[..., 1:].ravel()]
            columns += [m[..., 1:].ravel(), m[..., :-1].ravel()]
            values += [-face.ravel()] * 2
        rows.append(number.ravel()), columns.append(number.ravel()), values.append(diagonal.ravel())
        matrix = sparse.csc_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))))
        self.lu = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)
        self.u = self.solve(np.ones((n, n)))

    def solve(self, f):
        return self.lu.solve(f.ravel()).reshape(self.n, self.n)

    def seen(self):
        return self.u.ravel()[self.at]

    def backwards(self, w):
        f = np.zeros(self.n**2)
        f[self.at] = w
        return self.darcy.gradient(self.u, self.solve(f.reshape(self.n, self.n)))

    def forwards(self, da):
        """-A^-1 (dA u): the derivative of the fluxes with the coefficient, as `gradient` has it transposed."""
        n2, out = self.n**2, np.zeros((self.n, self.n))
        for axis in (0, 1):
            a, u, d, o = (np.moveaxis(t, axis, -1) for t in (self.darcy.a, self.u, da, out))
            low, high = a[..., :-1], a[..., 1:]
            change = 2 * n2 * (high**2 * d[..., :-1] + low**2 * d[..., 1:]) / (low + high) ** 2
            flux = change * (u[..., :-1] - u[..., 1:])
            o[..., :-1] += flux
            o[..., 1:] -= flux
            o[..., [0, -1]] += 2 * n2 * d[..., [0, -1]] * u[..., [0, -1]]
        return -self.solve(out).ravel()[self.at]


def permeability(y, at, law, widths, noise):
    """z of a = 7.5 + 4.5 tanh(z / width), the width falling: the level set sharpens as it settles."""
    n = law.n
    z = np.zeros((n, n))
    sd = np.sqrt(law.variances.sum())
    for width, steps in widths:
        width = width * sd
        for _ in range(steps):
            now = Pressure(7.5 + 4.5 * np.tanh(z / width), at)
            slope = 4.5 / width / np.cosh(z / width) ** 2
            misfit = y - now.seen()
            target = misfit + now.forwards(slope * z)
            error = max(noise * np.std(y), 0.1 * np.sqrt(np.mean(misfit**2)))
            new = krige(law, lambda v: now.forwards(slope * v), lambda w: slope * now.backwards(w), target,
                        error**2, 60, 1e-2)
            # shorter steps while the whole one is worse, and none at all where none is better
            for step in (1.0, 0.5, 0.25, 0.12, 0.06):
                tried = z + step * (new - z)
                if np.sum((y - Pressure(7.5 + 4.5 * np.tanh(tried / width), at).seen()) ** 2) < np.sum(misfit**2):
                    z = tried
                    break
    return z


def latent(samples):
    """The spectrum of the Gaussian field behind samples of its sign: Cov = sin(pi/2 Cov of signs), mode by mode of
    the whole periodic continuation by mirrors."""
    signs = np.sign(samples - 7.5)
    n = signs.shape[-1]
    mirrored = np.concatenate([signs, signs[..., ::-1]], -1)
    mirrored = np.concatenate([mirrored, mirrored[..., ::-1, :]], -2)
    power = np.mean(np.abs(np.fft.fft2(mirrored)) ** 2, 0) / (2 * n) ** 4
    covariance = np.fft.ifft2(power).real * (2 * n) ** 2
    law = np.fft.fft2(np.sin(np.pi / 2 * np.clip(covariance, -1, 1))).real / (2 * n) ** 2
    law = np.maximum(law[:n, :n], 0)
    law[1:, :] *= 2
    law[:, 1:] *= 2
    return law


def smooth(variances):
    """Averages over shells of wave numbers, the last ones by their power law."""
    n = len(variances)
    k = np.arange(n)
    shells = np.rint(np.hypot(k[:, None], k[None, :])).astype(int)
    mean = np.bincount(shells.ravel(), variances.ravel()) / np.bincount(shells.ravel())
    at = np.arange(4, n // 4)
    slope, level = np.polyfit(np.log(at), np.log(mean[at]), 1)
    tail = np.exp(level + slope * np.log(np.maximum(np.arange(len(mean)), 1)))
    mean[n // 4 :] = tail[n // 4 :]
    # low shells hold modes of different lengths
    return np.where(shells < 8, 0.5 * (variances + variances.T), mean[shells])


# --- Navier-Stokes

# waves that 48 cells hold, in the order of transforms of 64: later ones leave no trace after a unit of time
LOW = np.r_[0:24, 40:64]


class Carried:
    """w(1) at some cells of a finer grid."""

    def __init__(self, flow, cells, at):
        self.flow, self.cells, self.at = flow, cells, at

    def look(self, w):
        return eq.continued(w, self.cells).ravel()[self.at]

    def back(self, v):
        """The transposed of `look`."""
        n, m = self.flow.n, self.cells
        whole = np.zeros(m * m)
        whole[self.at] = v
        k = np.fft.fftfreq(n, 1 / n).astype(int)
        use = np.abs(k) < n // 2
        k = k[use]
        phase = np.exp(-1j * np.pi * k * (1 / m - 1 / n))
        modes = np.zeros((n, n), complex)
        modes[np.ix_(use, use)] = np.fft.fft2(whole.reshape(m, m))[np.ix_(k % m, k % m)] * phase[:, None] * phase[None, :]
        return np.fft.ifft2(modes).real


def vorticity(y, at, law, cells, steps, errors):
    """w(0) of as many modes as `law` has. Later iterations trust the equation more: its derivative is better there."""
    n = law.n
    carried = Carried(eq.Flow(n, steps), cells, at)
    flow, w = carried.flow, np.zeros((n, n))
    base = np.stack([carried.back(unit) for unit in np.eye(len(at))])
    for error, every in errors:
        # a fourth of the sensors is enough to come near
        some = slice(None, None, every)
        end, kept = flow.run(w, True)
        rows = flow.backwards(kept, base[some]).reshape(len(at[some]), -1)
        target = (y - carried.look(end))[some] + rows @ w.ravel()
        spread = law.covariance(rows.reshape(-1, n, n)).reshape(len(rows), -1)
        seen = spread @ rows.T + (error * np.std(y)) ** 2 * np.eye(len(rows))
        w = (linalg.cho_solve(linalg.cho_factor(seen), target) @ spread).reshape(n, n)
    return w


def main():
    folder, results, task = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    cells, count, truths = (int(v) for v in (sys.argv[4:7] + ["128", "500", "50"][len(sys.argv) - 4 :]))
    periodic = task == "navier-stokes"
    fields = np.load(folder / f"{task}-truths.npy", mmap_mode="r")[:truths].astype(float)
    at = eq.points(cells, count)
    begun, errors, more, found = time.time(), [], [], []
    if task == "darcy":
        samples = np.load(folder / "darcy-train.npy", mmap_mode="r")[:512, 0].astype(float)
        law = eq.Law(smooth(latent(samples)))
        method, prior = "Gauss-Newton on level sets", "equation; a jumps where a Gaussian field changes sign; its spectrum from 512 samples"
    else:
        train = np.load(folder / "navier-stokes-train-64.npy", mmap_mode="r")[:, 0].astype(float)
        law = eq.Law(eq.fine(eq.Law.measured(train, True).variances, 64)[np.ix_(LOW, LOW)], True)
        method, prior = "Gauss-Newton, kriging", "equation, 512 samples of w(0)"
    for a, u in zip(fields[:, 0], fields[:, 1]):
        y = u.ravel()[at]
        if task == "darcy":
            z = permeability(y, at, law, ((2.0, 2), (1.0, 3), (0.5, 3), (0.25, 4), (0.12, 3)), 5e-4)
            guess = np.where(z > 0, 12.0, 3.0)
            more.append(np.mean(guess != a))
        else:
            w = vorticity(y, at, law, cells, 8, ((1e-1, 4), (1e-2, 4), (1e-3, 1), (1e-5, 1)))
            guess = eq.continued(w, cells)
        errors.append(eq.apart(guess, a))
        found.append(guess)
        print(len(errors), errors[-1], more[-1:] or "", flush=True)
    np.save(folder / f"{task}-inverse.npy", np.array(found))
    errors = np.array(errors)
    out = {"task": f"{task} u -> a", "method": method, "prior": prior, "cells": cells, "points": count,
           "truths": len(errors), "percent": round(100 * errors.mean(), 3),
           "standard_error": round(100 * errors.std(ddof=1) / np.sqrt(len(errors)), 3),
           "seconds_a_truth": round((time.time() - begun) / len(errors), 2)}
    if more:
        out["cells_wrong_percent"] = round(100 * np.mean(more), 3)
    print(json.dumps(out))
    with open(results / f"inverse-{cells}.jsonl", "a") as file:
        file.write(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
