"""Surfaces of phases."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._arrays import Floats, StrPath


@dataclass(frozen=True)
class Mesh:
    """The surface of a phase, in the lengths of the data's box.

    Attributes
    ----------
    corners : numpy.ndarray
        ``[corner, 3]``
    triangles : numpy.ndarray
        ``[triangle, 3]``, numbers of corners; seen from outside they turn left.
    area, volume : float
    euler_number : int
    """

    corners: Floats
    triangles: NDArray[np.uint32]
    area: float
    volume: float
    euler_number: int

    def write(self, path: StrPath, *, overwrite: bool = False) -> None:
        """Write ``.stl``, ``.ply`` or ``.vtp``."""
        _core.write_mesh(self.corners, self.triangles, os.fspath(path), overwrite=overwrite)
