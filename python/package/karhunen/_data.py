"""Data to train on and to compare with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _core
from ._arrays import AnyArray, StrPath, cells, four_bytes, real, squeezed, whole
from ._errors import UsageError
from ._frames import plain, spacing_of

Source = Union[StrPath, Sequence[StrPath], ArrayLike]


class Data:
    """Functions that come from somewhere, and how they are read.

    Parameters
    ----------
    source : str, path, list of these, or array
        A file, a folder of images, or ``"builtin:spinodal"``, ``"builtin:grains"``,
        ``"builtin:fitzhugh-nagumo"``, ``"builtin:shapes"``, ``"builtin:poisson"``, ``"builtin:helmholtz"``,
        ``"builtin:darcy"``, ``"builtin:navier-stokes"``. Several files become channels of one data set.
        An array ``(fields, cells…)`` or ``(fields, channels, cells…)`` of any layout is copied into a
        temporary ``.npy`` file, which lives as long as this object; `train` copies it into the run. Of an
        ``xarray.DataArray`` a dimension called ``channel`` is that of the channels, and evenly spaced coordinates
        of the cells tell the spacing.
    patch : int or tuple of int, optional
        Cells of random patches that are cut from large fields.
    boundary : str or sequence of str, optional
        ``"neumann"`` (the default), ``"periodic"``, ``"dirichlet"``, or one an axis.
    count : int, optional
        At most so many fields; of built-in data, so many are made.
    channels, dim : int, optional
        Channels and axes of a field, where the shape of an array leaves them open.
    channels_last : bool
        Whether channels are the last axis.
    phases : int, list of int, or dict of str to int, optional
        The fields hold labels of phases; a model then samples labels.
    labels : path or array, optional
        The class of each field.
    missing : str, optional
        What becomes of missing values: ``"mask"``, ``"drop"`` or ``"fill:VALUE"``. They are refused otherwise.
    spacing : float or sequence of float, optional
        Distance of the cells along each axis.
    **keys
        Every other key of ``[data]`` in a configuration, such as ``validation=0.2`` or ``lengths=[1, 2]``.

    Examples
    --------
    >>> import karhunen as kh
    >>> data = kh.Data("builtin:spinodal")
    >>> data.cells
    (128, 128)
    >>> data.held_out((32, 32), count=12).shape
    (12, 32, 32)
    """

    def __init__(
        self,
        source: Source,
        *,
        patch: int | Sequence[int] | None = None,
        boundary: str | Sequence[str] | None = None,
        count: int | None = None,
        channels: int | None = None,
        channels_last: bool = False,
        dim: int | None = None,
        phases: int | Sequence[int] | Mapping[str, int] | None = None,
        labels: StrPath | ArrayLike | None = None,
        missing: str | None = None,
        spacing: float | Sequence[float] | None = None,
        **keys: Any,
    ) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[str] = []
        if isinstance(patch, (int, np.integer)) and dim is None:
            raise UsageError(f"patch {patch}: how many axes?", f"write patch=({patch}, {patch}), or give dim")
        sizes = cells(patch, "patch")
        if sizes is not None and len(sizes) == 1 and dim is not None:
            sizes = sizes * dim
        if spacing is None:
            spacing = spacing_of(source)
        steps = None if spacing is None else [float(s) for s in np.atleast_1d(np.asarray(spacing))]
        self._keys: dict[str, Any] = {
            **keys,
            "source": self._named(source, "source"),
            "patch": None if sizes is None else "x".join(map(str, sizes)),
            "boundary": boundary if boundary is None or isinstance(boundary, str) else list(boundary),
            "count": None if count is None else whole(count, "count", 1),
            "channels": channels,
            "channels_last": channels_last,
            "dim": dim,
            "phases": phases if phases is None or isinstance(phases, (int, Mapping)) else [int(p) for p in phases],
            "labels": None if labels is None else self._named(labels, "labels"),
            "missing": missing,
            "spacing": steps,
        }
        if isinstance(phases, Mapping):
            self._keys["phases"] = dict(phases)
        if steps is not None and len(steps) == 1:
            axes = len(_core.Data({**self._keys, "spacing": None}).cells)
            self._keys["spacing"] = steps * axes
        self._core = _core.Data(self._keys)

    def _named(self, source: Any, name: str) -> str | list[str]:
        """The names of files; an array becomes one."""
        if isinstance(source, (str, os.PathLike)):
            return os.fspath(source)
        if isinstance(source, (list, tuple)) and source and all(isinstance(s, (str, os.PathLike)) for s in source):
            return [os.fspath(one) for one in source]
        values = real(plain(source), name)
        if values.dtype.kind == "f":
            values = values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64, copy=False)
        elif values.dtype.kind == "b":
            values = values.astype(np.uint8)
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="karhunen-")
        path = os.path.join(self._folder.name, f"{name}.npy")
        np.save(path, np.ascontiguousarray(values))
        self._files.append(name)
        return path

    @property
    def cells(self) -> tuple[int, ...]:
        """Cells of a field, an axis each, before any patch is cut."""
        return tuple(self._core.cells)

    @property
    def channels(self) -> int:
        """Channels of a field."""
        return self._core.channels

    @property
    def count(self) -> int | None:
        """Fields in the source; None of built-in data, which are made as they are asked for."""
        return self._core.count

    @property
    def dtype(self) -> str:
        """Type of the numbers in the source."""
        return self._core.dtype

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Distance of the cells, where the file tells it."""
        told = self._core.spacing
        return None if told is None else tuple(told)

    @property
    def unit(self) -> str | None:
        """Unit of the spacing."""
        return self._core.unit

    def levels(self) -> list[tuple[int, ...]]:
        """Grids to train on that suit the data, coarse first."""
        return [tuple(int(n) for n in level.split("x")) for level in self._core.levels()]

    def held_out(
        self,
        cells: int | Sequence[int] | None = None,
        count: int = 256,
        *,
        seed: int = 0,
        training: bool = False,
        dtype: DTypeLike = np.float64,
    ) -> AnyArray:
        """Fields that a model of these data is not trained on.

        Parameters
        ----------
        cells : int or tuple of int, optional
            The grid; that of the data, or of their patches, by default.
        count : int
            At most so many.
        seed : int
            Seed of the run, which decides which fields are held out.
        training : bool
            Fields that are trained on instead.
        dtype : numpy.float32 or numpy.float64

        Returns
        -------
        numpy.ndarray
            ``[field, cells…]``, or ``[field, channel, cells…]`` of several channels.
        """
        grid = _cells(cells)
        if grid is not None and len(grid) == 1:
            grid = grid * len(self.cells)
        values = self._core.part(training, grid, whole(count, "count", 1), whole(seed, "seed"), four_bytes(dtype))
        return squeezed(values)

    def _settings(self) -> list[str]:
        """Keys that an evaluation is told one by one."""
        names = ("spacing", "lengths", "resample", "validation", "gap")
        given = {name: self._keys.get(name) for name in names}
        return [f"data.{name}={value!r}" for name, value in given.items() if value is not None]

    def __repr__(self) -> str:
        source = "array" if "source" in self._files else self._keys["source"]
        count = "" if self.count is None else f"{self.count} fields of "
        return f"Data({source!r}: {count}{'×'.join(map(str, self.cells))} cells, {self.channels} channel(s))"


_cells = cells


def data_of(source: Data | Source) -> Data:
    """Data, opened where they are only named."""
    return source if isinstance(source, Data) else Data(source)
