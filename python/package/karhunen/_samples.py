"""Samples, and fields as files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from . import _core
from ._arrays import AnyArray, StrPath, fields
from ._frames import named, plain
from ._mesh import Mesh


@dataclass(frozen=True)
class Residual:
    """How well samples agree with one observation.

    `relative` is in standard deviations of the observation, `exact` in the data's unit where there are none.
    """

    kind: str
    count: int
    relative: float
    exact: float


class Samples(NamedTuple):
    """Samples and what is known of them."""

    fields: AnyArray
    classes: AnyArray
    evaluations: int
    residuals: list[Residual]
    spacing: tuple[float, ...]
    unit: str | None
    first: int = 0
    meshes: tuple[Mesh, ...] = ()

    def to_xarray(self) -> Any:
        """A `DataArray` with dimensions ``sample``, ``channel`` (of several), ``x``, ``y``, ``z``.

        Coordinates are the centres of the cells, in the lengths of the data's box. It needs xarray. A summary has its
        mean and its standard deviation as samples.
        """
        classes = self.classes if len(self.classes) == len(self.fields) else ()
        return named(self.fields, self.first, self.spacing, self.unit, classes)

    def write(self, path: StrPath, *, overwrite: bool = False) -> None:
        """Write fields as `write` does, with the lengths of the data's box."""
        dim = len(self.spacing)
        write(path, self.fields, dim=dim, spacing=self.spacing, unit=self.unit, overwrite=overwrite)


def write(
    path: StrPath,
    array: Any,
    *,
    dim: int | None = None,
    spacing: float | Sequence[float] = (),
    unit: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write fields ``(fields, cells…)`` by the ending of the name.

    Parameters
    ----------
    path : path
        ``.npy``, ``.npz``, ``.vti`` for ParaView, ``.tif``, ``.h5`` or ``.png`` (a picture).
    array : array
    dim : int, optional
        Axes of a field; one channel without it.
    spacing : float or sequence of float
        Distance of the cells; of a box whose first axis has length 1 by default.
    unit : str, optional
    overwrite : bool
    """
    steps = [float(s) for s in np.atleast_1d(np.asarray(spacing, dtype=float))]
    _core.write(fields(plain(array), "array", dim=dim), os.fspath(path), spacing=steps, unit=unit, overwrite=overwrite)
