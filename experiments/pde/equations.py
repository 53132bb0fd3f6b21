"""The equations once more, by NumPy and SciPy alone: laws, solvers, derivatives, errors.

Fields are arrays [..., n, n] of cells. Nothing here knows Karhunen; `check` says how far the two are apart.
"""

import numpy as np
from scipy import fft


class Law:
    """A Gaussian law by its variances in the modes of the square, orthonormal in the mean over cells."""

    def __init__(self, variances, periodic=False):
        self.variances, self.periodic, self.n = variances, periodic, len(variances)

    @classmethod
    def rough(cls, n, periodic=False):
        """tau^(2 alpha - 2) (|omega|^2 + tau^2)^(-alpha), as the equations draw from."""
        alpha, tau = (2.5, 7.0) if periodic else (2.0, 3.0)
        k = 2 * np.pi * np.fft.fftfreq(n, 1 / n) if periodic else np.pi * np.arange(n)
        v = tau ** (2 * alpha - 2) * (k[:, None] ** 2 + k[None, :] ** 2 + tau**2) ** -alpha
        v[0, 0] = 0.0
        if periodic:  # the alternating waves are no modes
            v[n // 2, :] = v[:, n // 2] = 0.0
        return cls(v, periodic)

    @classmethod
    def measured(cls, fields, periodic=False, shells=True):
        """From samples: the mean square of each mode, averaged over shells of the wave number."""
        n = fields.shape[-1]
        if periodic:
            square = np.mean(np.abs(np.fft.fft2(fields)) ** 2, 0) / n**4
            k = np.abs(np.fft.fftfreq(n, 1 / n))
        else:
            square = np.mean(fft.dctn(fields, axes=(-2, -1), norm="ortho") ** 2, 0) / n**2
            k = np.arange(n)
        if shells:
            r = np.rint(np.hypot(k[:, None], k[None, :])).astype(int)
            total = np.bincount(r.ravel(), square.ravel()) / np.bincount(r.ravel())
            mean = square[0, 0]
            square = total[r]
            square[0, 0] = mean
        if periodic:
            square[n // 2, :] = square[:, n // 2] = 0.0
        return cls(square, periodic)

    def scaled(self, v, weights):
        if self.periodic:
            return np.fft.ifft2(weights * np.fft.fft2(v)).real
        modes = fft.dctn(v, axes=(-2, -1), norm="ortho") * weights
        return fft.idctn(modes, axes=(-2, -1), norm="ortho")

    def covariance(self, v):
        """C v, summed over cells."""
        return self.n**2 * self.scaled(v, self.variances)

    def draws(self, count, rng):
        return self.n * self.scaled(rng.standard_normal((count, self.n, self.n)), np.sqrt(self.variances))


def apart(u, v):
    """Relative L2 distance of each field."""
    return np.sqrt(((u - v) ** 2).sum((-2, -1)) / (v**2).sum((-2, -1)))


def restricted(fields, n, periodic=False):
    """The modes that n cells hold."""
    old = fields.shape[-1]
    if old == n:
        return fields
    if periodic:
        k = np.fft.fftfreq(n, 1 / n).astype(int)
        phase = np.exp(1j * np.pi * k * (1 / n - 1 / old))  # centres of cells move
        modes = np.fft.fft2(fields)[..., k[:, None], k[None, :]] * phase[:, None] * phase[None, :]
        modes[..., n // 2, :] = modes[..., :, n // 2] = 0
        return np.fft.ifft2(modes).real * (n / old) ** 2
    modes = fft.dctn(fields, axes=(-2, -1), norm="ortho")[..., :n, :n] * (n / old)
    return fft.idctn(modes, axes=(-2, -1), norm="ortho")


def continued(w, n):
    """The same periodic functions on more cells."""
    old = w.shape[-1]
    k = np.fft.fftfreq(old, 1 / old).astype(int)
    k = k[np.abs(k) < old // 2]
    phase = np.exp(1j * np.pi * k * (1 / n - 1 / old))
    modes = np.zeros((*w.shape[:-2], n, n), complex)
    modes[..., k[:, None] % n, k[None, :] % n] = (
        np.fft.fft2(w)[..., k[:, None] % old, k[None, :] % old] * phase[:, None] * phase[None, :]
    )
    return np.fft.ifft2(modes).real * (n / old) ** 2


def fine(variances, n):
    """Variances of modes on more cells: beyond those known, the last shells' power law."""
    old = len(variances)
    k = np.fft.fftfreq(n, 1 / n)
    r = np.hypot(k[:, None], k[None, :])
    ko = np.fft.fftfreq(old, 1 / old)
    ro = np.hypot(ko[:, None], ko[None, :])
    shells = np.rint(ro).astype(int)
    use = (variances > 0) & (shells < old // 2)
    mean = np.bincount(shells[use], variances[use]) / np.bincount(shells[use])
    at = np.arange(1, len(mean))
    slope, level = np.polyfit(np.log(at[-12:]), np.log(mean[1:][-12:]), 1)
    out = np.exp(np.interp(np.log(np.maximum(r, 1)), np.log(at), np.log(mean[1:])))
    out = np.where(r > at[-1], np.exp(level + slope * np.log(np.maximum(r, 1))), out)
    out[0, 0] = 0
    out[n // 2, :] = out[:, n // 2] = 0
    return out


def points(n, count, seed=5):
    """Flat cells that are seen, the same for every truth."""
    return np.sort(np.random.default_rng(seed).permutation(n * n)[:count])


# --- Poisson and Helmholtz: the 5-point stencil, inverted by sines


def laplacian(n):
    one = (2 - 2 * np.cos(np.pi * np.arange(1, n + 1) / n)) * n * n
    return one[:, None] + one[None, :]


def helmholtz(a, k):
    """u with div grad u + k^2 u = a and u = 0 at the walls; its own adjoint."""
    n = a.shape[-1]
    modes = fft.dstn(a, 2, axes=(-2, -1), norm="ortho") / (k * k - laplacian(n))
    return fft.idstn(modes, 2, axes=(-2, -1), norm="ortho")


# --- Darcy: harmonic means at the faces, conjugate gradients for many fields at once


class Darcy:
    def __init__(self, a):
        n = a.shape[-1]
        self.n = n
        self.faces = []
        for axis in (-2, -1):
            low, high = np.moveaxis(a, axis, -1)[..., :-1], np.moveaxis(a, axis, -1)[..., 1:]
            self.faces.append(2 * n * n / (1 / low + 1 / high))
        self.walls = [2 * n * n * np.moveaxis(a, axis, -1)[..., [0, -1]] for axis in (-2, -1)]
        self.a = a
        self.inverse = 1 / (np.sqrt(a.min() * a.max()) * laplacian(n))

    def apply(self, u):
        out = np.zeros_like(u)
        for axis, faces, walls in zip((-2, -1), self.faces, self.walls):
            v, o = np.moveaxis(u, axis, -1), np.moveaxis(out, axis, -1)
            flux = faces * (v[..., :-1] - v[..., 1:])
            o[..., :-1] += flux
            o[..., 1:] -= flux
            o[..., [0, -1]] += walls * v[..., [0, -1]]
        return out

    def solve(self, f, tolerance=1e-9):
        def condition(r):
            modes = fft.dstn(r, 2, axes=(-2, -1), norm="ortho") * self.inverse
            return fft.idstn(modes, 2, axes=(-2, -1), norm="ortho")

        def dot(x, y):
            return (x * y).sum((-2, -1), keepdims=True)

        f = np.broadcast_to(f, np.broadcast_shapes(f.shape, self.a.shape)).copy()
        u, r = np.zeros_like(f), f
        z = condition(r)
        p, along = z, dot(r, z)
        whole = np.sqrt(dot(f, f)).max()
        for _ in range(200):
            q = self.apply(p)
            step = along / dot(p, q)
            u, r = u + step * p, r - step * q
            if np.sqrt(dot(r, r)).max() <= tolerance * whole:
                break
            z = condition(r)
            after = dot(r, z)
            p, along = z + after / along * p, after
        return u

    def gradient(self, u, v):
        """Of each cell, d<v, u(a)>/da for the solution u and the adjoint solution v: minus v . (dA/da) u."""
        out = np.zeros_like(u * v)
        n2 = self.n**2
        for axis, walls in zip((-2, -1), self.walls):
            x, y, o = (np.moveaxis(t, axis, -1) for t in (u, v, out))
            a = np.moveaxis(self.a, axis, -1)
            low, high = a[..., :-1], a[..., 1:]
            flux = (x[..., :-1] - x[..., 1:]) * (y[..., :-1] - y[..., 1:])
            # d/da of 2/(1/a + 1/b) is 2 b^2/(a + b)^2
            o[..., :-1] -= 2 * n2 * high**2 / (low + high) ** 2 * flux
            o[..., 1:] -= 2 * n2 * low**2 / (low + high) ** 2 * flux
            o[..., [0, -1]] -= 2 * n2 * x[..., [0, -1]] * y[..., [0, -1]]
        return out


# --- Navier-Stokes: vorticity on the periodic square, with tangent and adjoint of every step


class Flow:
    def __init__(self, n, steps=32, viscosity=1e-3, time=1.0):
        k = 2 * np.pi * np.fft.fftfreq(n, 1 / n)
        self.n, self.steps, self.h = n, steps, time / steps
        self.k = k[:, None], np.abs(k[None, : n // 2 + 1])
        k2 = self.k[0] ** 2 + self.k[1] ** 2
        self.half = np.exp(-0.5 * self.h * viscosity * k2)
        self.inverse = np.where(k2 > 0, 1 / np.where(k2 > 0, k2, 1), 0)
        short = lambda k: 3 * np.abs(k) <= 2 * np.pi * n
        self.kept = 1.0 * (short(self.k[0]) & short(self.k[1]))
        x = 2 * np.pi * ((np.arange(n) + 0.5)[:, None] + (np.arange(n) + 0.5)[None, :]) / n
        self.forcing = np.fft.rfft2(0.1 * (np.sin(x) + np.cos(x)))

    def parts(self, w):
        back = lambda m: np.fft.irfft2(m, s=(self.n, self.n))
        i, j = 1j * self.k[0], 1j * self.k[1]
        psi = w * self.inverse
        return back(j * psi), -back(i * psi), back(i * w), back(j * w)

    def tangent(self, at, w):
        vx, vy, wx, wy = at
        dvx, dvy, dwx, dwy = self.parts(w)
        return -self.kept * np.fft.rfft2(dvx * wx + vx * dwx + dvy * wy + vy * dwy)

    def adjoint(self, at, z):
        """The transposed tangent in the sum over cells, from and to transforms of real fields."""
        vx, vy, wx, wy = at
        g = np.fft.irfft2(self.kept * z, s=(self.n, self.n))
        there = np.fft.rfft2
        i, j = 1j * self.k[0], 1j * self.k[1]
        # of v . grad dw: minus div(v g); of dv . grad w: through the stream function
        carried = i * there(vx * g) + j * there(vy * g)
        turned = self.inverse * (j * there(wx * g) - i * there(wy * g))
        return carried + turned

    def step(self, w, slope):
        e, h = self.half, self.h
        first = slope(0, w)
        begun = e * w
        second = slope(1, e * (w + 0.5 * h * first))
        third = slope(2, begun + 0.5 * h * second)
        fourth = slope(3, e * begun + h * e * third)
        return e * e * w + h / 6 * (e * e * first + 2 * e * (second + third) + fourth)

    def run(self, w, keep=False):
        """w at the end, and what derivatives need of the way."""
        w, kept = np.fft.rfft2(w), []
        for _ in range(self.steps):
            places = []

            def slope(stage, w):
                vx, vy, wx, wy = self.parts(w)
                places.append((vx, vy, wx, wy))
                return self.forcing - self.kept * np.fft.rfft2(vx * wx + vy * wy)

            w = self.step(w, slope)
            if keep:
                kept.append(places)
        return np.fft.irfft2(w, s=(self.n, self.n)), kept

    def forwards(self, kept, w):
        w = np.fft.rfft2(w)
        for places in kept:
            w = self.step(w, lambda stage, w: self.tangent(places[stage], w))
        return np.fft.irfft2(w, s=(self.n, self.n))

    def backwards(self, kept, z):
        z = np.fft.rfft2(z)
        e, h = self.half, self.h
        for places in reversed(kept):
            pull = lambda stage, z: self.adjoint(places[stage], z)
            fourth = pull(3, h / 6 * z)
            third = pull(2, h / 3 * e * z + h * e * fourth)
            second = pull(1, h / 3 * e * z + 0.5 * h * third)
            first = pull(0, h / 6 * e * e * z + 0.5 * h * e * second)
            z = e * e * (z + fourth) + e * (third + second) + first
        return np.fft.irfft2(z, s=(self.n, self.n))
