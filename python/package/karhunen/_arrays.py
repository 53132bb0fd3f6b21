"""Arrays that come in: any layout, any type of real numbers; everything else is one clear error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import DataError, UsageError

Floats = NDArray[np.float64]
AnyArray = NDArray[Any]
StrPath = Union[str, "os.PathLike[str]"]


def cells(value: int | Iterable[int] | None, name: str = "grid") -> list[int] | None:
    """Cells an axis as a list."""
    if value is None:
        return None
    given = [value] if isinstance(value, (int, np.integer)) else list(value)
    try:
        whole = [int(n) for n in given]
    except (TypeError, ValueError):
        whole = []
    if not 1 <= len(whole) <= 3 or any(a != b or a < 1 for a, b in zip(whole, given)):
        raise UsageError(f"{name} {value!r}: it must be 1 to 3 whole numbers from 1", "write (128, 128)")
    return whole


def whole(value: int, name: str, least: int = 0) -> int:
    """A whole number that is not too small, nor too large for 64 bits."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if number != value or not least <= number < 2**63:
        raise UsageError(f"{name} {value!r}: it must be a whole number from {least}", f"give {name}={max(least, 1)}")
    return number


def four_bytes(dtype: Any) -> bool:
    """Whether numbers of a type have four bytes."""
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise UsageError(f"dtype {kind}: there are float32 and float64", "take one of them and convert later")
    return bool(kind == np.dtype(np.float32))


def real(array: ArrayLike, name: str) -> AnyArray:
    """An array of at least one real number."""
    try:
        values = np.asarray(array)
    except ValueError as error:
        raise DataError(f"{name}: {str(error).splitlines()[0]}", "give an array of one shape") from error
    if values.dtype.kind not in "buif":
        raise DataError(f"{name}: values of type {values.dtype}", "give real numbers, such as float64")
    if values.size == 0:
        raise DataError(f"{name}: shape {values.shape} holds no value", "give at least one field")
    return values


def fields(array: ArrayLike, name: str, channels: int | None = None, dim: int | None = None) -> Floats:
    """Fields ``[field, channel, axis0, …]`` of finite numbers in C order."""
    values = real(array, name)
    if dim is None and channels is not None:
        dim = values.ndim - (1 if channels == 1 else 2)
    axes = values.ndim - 1 if dim is None else dim
    if axes >= 1 and values.ndim == axes + 1 and channels in (None, 1):
        values = values[:, np.newaxis]
    if not (1 <= axes <= 3 and values.ndim == axes + 2):
        wanted = "(fields, cells…)" if channels in (None, 1) else f"(fields, {channels}, cells…)"
        of = "" if dim is None else f" with {dim} axes of cells"
        raise DataError(f"{name}: shape {np.shape(array)}, where {wanted}{of} is meant", "add or drop an axis")
    if channels is not None and values.shape[1] != channels:
        raise DataError(f"{name}: {values.shape[1]} channels, where {channels} are meant", "channels are the second axis")
    out: Floats = np.ascontiguousarray(values, dtype=np.float64)
    bad = int(np.count_nonzero(~np.isfinite(out)))
    if bad:
        raise DataError(f"{name}: {bad} of {out.size} values are NaN or infinite", "replace such values, or leave their fields out")
    return out


def squeezed(values: AnyArray) -> AnyArray:
    """Without the axis of a single channel."""
    return values[:, 0] if values.shape[1] == 1 else values


def paths(value: StrPath | Sequence[StrPath] | None) -> list[str]:
    """Paths as a list."""
    if value is None:
        return []
    if isinstance(value, (str, os.PathLike)):
        return [os.fspath(value)]
    return [os.fspath(one) for one in value]
