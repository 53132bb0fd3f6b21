"""Gaussian random functions by their covariance: one seed is one function on every grid."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _core
from ._arrays import AnyArray, StrPath, cells, four_bytes, real, squeezed, whole
from ._data import Data

__all__ = ["Prior", "Matern", "Laplacian", "Bessel", "Truncated", "Combined", "Tabulated", "Standard", "Fitted"]


class Prior:
    """A Gaussian law of functions with mean 0."""

    kind: str = ""

    def __init__(self, **parameters: Any) -> None:
        self.parameters: dict[str, Any] = parameters

    def sample(
        self,
        count: int = 4,
        grid: int | Sequence[int] = (64, 64),
        seed: int = 0,
        *,
        boundary: str | Sequence[str] = "neumann",
        first: int = 0,
        dtype: DTypeLike = np.float64,
    ) -> AnyArray:
        """Draw functions.

        Parameters
        ----------
        count : int
        grid : int or tuple of int
            Cells an axis; a number is one axis. Cells are cubes, and the first axis has length 1.
        seed : int
        boundary : str or sequence of str
            ``"neumann"``, ``"periodic"``, ``"dirichlet"``, or one an axis.
        first : int
            Number of the first function.
        dtype : numpy.float64 or numpy.float32

        Returns
        -------
        numpy.ndarray
            ``[function, cells…]``
        """
        source, settings = self._source()
        values = _core.draw(
            kind=self.kind,
            parameters=self.parameters,
            source=source,
            settings=settings,
            grid=cells(grid) or [],
            boundary=boundary if isinstance(boundary, str) else ",".join(boundary),
            count=whole(count, "count"),
            seed=whole(seed, "seed"),
            first=whole(first, "first"),
            four_bytes=four_bytes(dtype),
        )
        return squeezed(values)

    def _source(self) -> tuple[str | None, list[str]]:
        return None, []

    def __repr__(self) -> str:
        inner = ", ".join(f"{key}={value!r}" for key, value in self.parameters.items() if value is not None)
        return f"{type(self).__name__}({inner})"


class Matern(Prior):
    """The family of geostatistics.

    Parameters
    ----------
    length : float
        Correlation length, in units of the first axis.
    smoothness : float
        ν: 0.5 is the exponential covariance.
    variance : float
        Of the values at a point.
    """

    kind = "matern"

    def __init__(self, length: float, smoothness: float, variance: float = 1.0) -> None:
        super().__init__(length=float(length), smoothness=float(smoothness), variance=float(variance))


class Laplacian(Prior):
    """The covariance of s (−Δ)^−p noise.

    Parameters
    ----------
    scale : float
        Factor s.
    power : float
        p; 4 p must exceed the dimension.
    constant : float, optional
        Standard deviation of the constant.
    """

    kind = "laplacian"

    def __init__(self, scale: float, power: float, constant: float | None = None) -> None:
        super().__init__(scale=float(scale), power=float(power), constant=None if constant is None else float(constant))


class Bessel(Prior):
    """The covariance of s (γ − Δ)^−p noise; 4 p must exceed the dimension."""

    kind = "bessel"

    def __init__(self, gamma: float, power: float, scale: float = 1.0) -> None:
        super().__init__(gamma=float(gamma), power=float(power), scale=float(scale))


class Truncated(Prior):
    """Random weights on the modes up to a wave number, nothing beyond."""

    kind = "truncated"

    def __init__(self, cutoff: int, scale: float = 1.0) -> None:
        super().__init__(cutoff=whole(cutoff, "cutoff"), scale=float(scale))


class Combined(Prior):
    """Truncated and Laplacian factors on the same white noise."""

    kind = "combined"

    def __init__(self, cutoff: int, power: float, truncated: float = 0.5, laplacian: float = 10.0) -> None:
        super().__init__(cutoff=whole(cutoff, "cutoff"), power=float(power), truncated=float(truncated), laplacian=float(laplacian))


class Tabulated(Prior):
    """Eigenvalues by frequency |ω|: rows of an array, or a CSV or NPY file of two columns."""

    kind = "tabulated"

    def __init__(self, table: StrPath | ArrayLike) -> None:
        if isinstance(table, (str, os.PathLike)):
            super().__init__(table=os.fspath(table))
        else:
            super().__init__(table=real(table, "table").astype(float).tolist())


class Standard(Prior):
    """White noise of the cells: another function on every grid."""

    kind = "standard"


class Fitted(Prior):
    """The spectrum of data; with ``anisotropic`` a different one along each axis."""

    def __init__(self, data: Data | str, anisotropic: bool = False) -> None:
        super().__init__()
        self.kind = "fitted-anisotropic" if anisotropic else "fitted"
        self._data = data if isinstance(data, Data) else Data(data)

    def _source(self) -> tuple[str | None, list[str]]:
        keys = {k: v for k, v in self._data._keys.items() if k not in ("source", "boundary") and v not in (None, False)}
        return str(self._data._keys["source"]), [f"data.{key}={value!r}" for key, value in keys.items()]
