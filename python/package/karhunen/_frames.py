"""Arrays with names: xarray and pandas, where they are installed. Nothing here needs them."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._arrays import StrPath, paths

#: Names of the axes of a box.
AXES = ("x", "y", "z")


def plain(array: Any) -> Any:
    """A `DataArray` as an array whose channels, if one axis is called so, are the second axis; all else as it is."""
    if not _is_named(array):
        return array
    dims = list(array.dims)
    if "channel" in dims and len(dims) > 1:
        others = [dim for dim in dims if dim != "channel"]
        array = array.transpose(others[0], "channel", *others[1:])
    return np.asarray(array)


def spacing_of(array: Any) -> list[float] | None:
    """Distances of the cells of a `DataArray`, if its coordinates tell them along every axis of a field."""
    if not _is_named(array):
        return None
    steps = []
    for dim in [dim for dim in array.dims if dim != "channel"][1:]:
        if dim not in array.coords:
            return None
        at = np.asarray(array.coords[dim])
        if at.dtype.kind not in "iuf" or at.ndim != 1 or at.size < 2:
            return None
        distances = np.diff(at.astype(float))
        step = float(distances.mean())
        if not (step > 0 and np.allclose(distances, step, rtol=1e-3, atol=0.0)):
            return None
        steps.append(step)
    return steps or None


def named(values: Any, first: int, spacing: Sequence[float], unit: str | None, classes: Any) -> Any:
    """Fields as a `DataArray` with the centres of the cells as coordinates."""
    try:
        xarray = importlib.import_module("xarray")
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install xarray, or take .fields") from error
    dim = len(spacing)
    dims = ["sample", *(["channel"] if values.ndim == dim + 2 else []), *AXES[:dim]]
    coords: dict[str, Any] = {"sample": first + np.arange(len(values))}
    for axis, cells, step in zip(AXES, values.shape[-dim:], spacing):
        attributes = {} if unit is None else {"units": unit}
        coords[axis] = (axis, (np.arange(cells) + 0.5) * step, attributes)
    if len(classes) == len(values):
        coords["class"] = ("sample", classes)
    return xarray.DataArray(values, dims=dims, coords=coords)


@contextmanager
def observed(observe: Any) -> Iterator[list[str]]:
    """Files of observations: a pandas frame of points is written into one that lives as long as the work."""
    if not hasattr(observe, "to_csv"):
        yield _files(observe)
        return
    with tempfile.TemporaryDirectory(prefix="karhunen-") as folder:
        path = os.path.join(folder, "points.csv")
        observe.to_csv(path, index=False)
        yield [path]


@contextmanager
def given(condition: Any) -> Iterator[str | None]:
    """A file of given fields: an array is written into one that lives as long as the work."""
    if condition is None or isinstance(condition, (str, os.PathLike)):
        yield None if condition is None else os.fspath(condition)
        return
    with tempfile.TemporaryDirectory(prefix="karhunen-") as folder:
        path = os.path.join(folder, "given.npy")
        np.save(path, np.asarray(plain(condition), dtype=np.float32))
        yield path


def _files(observe: StrPath | Sequence[StrPath] | None) -> list[str]:
    return paths(observe)


def _is_named(array: Any) -> bool:
    return type(array).__module__.split(".")[0] == "xarray" and hasattr(array, "dims")
