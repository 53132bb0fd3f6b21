"""Classifiers of fields, for evaluations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._arrays import Floats, StrPath, cells, fields, whole
from ._data import Data, Source, data_of
from ._progress import Progress, listener


class Reading(NamedTuple):
    """What a classifier reads: the class of each field, and its features ``[field, feature]``."""

    classes: NDArray[np.uint32]
    features: Floats


class Classifier:
    """A small network that reads which class a field of two axes is of.

    Parameters
    ----------
    path : path
        A file that `Classifier.save` or ``karhunen classifier`` wrote.

    Examples
    --------
    >>> digits = kh.Classifier.train(kh.Data(images, labels=labels))      # doctest: +SKIP
    >>> kh.evaluate(samples, test, classifier=digits)                     # doctest: +SKIP
    """

    def __init__(self, path: StrPath) -> None:
        self._core = _core.Classifier(os.fspath(path))

    @classmethod
    def train(
        cls,
        data: Data | Source,
        *,
        test: Data | Source | None = None,
        grid: int | Sequence[int] | None = None,
        steps: int = 3000,
        seed: int = 0,
        progress: Progress = None,
    ) -> Classifier:
        """Train one.

        Parameters
        ----------
        data : Data or what Data takes
            Fields with their ``labels``; ``"builtin:shapes"`` brings its own.
        test : Data, optional
            Other labelled fields to test it on; a tenth of the data, left out of training, otherwise.
        grid : int or tuple of int, optional
            Cells that it reads fields on, whatever grid they come on.
        steps : int
            Steps of 64 fields each.
        seed : int
        progress : None, True or callable

        Returns
        -------
        Classifier
        """
        sizes = cells(grid)
        own, other = data_of(data), None if test is None else data_of(test)
        trained = cls.__new__(cls)
        trained._core = _core.Classifier.train(
            own._core,
            test=None if other is None else other._core,
            grid=sizes * 2 if sizes is not None and len(sizes) == 1 else sizes,
            steps=whole(steps, "steps"),
            seed=whole(seed, "seed"),
            listener=listener(progress),
        )
        return trained

    @property
    def grid(self) -> tuple[int, ...]:
        """Cells that it reads fields on."""
        return tuple(self._core.grid)

    @property
    def counts(self) -> list[int]:
        """Fields of each class that it was trained on."""
        return self._core.counts

    @property
    def accuracy(self) -> float:
        """Part of the `tested` fields, none of them trained on, whose class it reads right."""
        return self._core.accuracy

    @property
    def tested(self) -> int:
        """Fields behind `accuracy`."""
        return self._core.tested

    def read(self, array: ArrayLike, channels: int | None = None) -> Reading:
        """The classes of fields ``(fields, cells…)``, on whatever grid of the box."""
        return Reading(*self._core.read(fields(array, "array", channels, 2)))

    def save(self, path: StrPath, *, overwrite: bool = False) -> None:
        """Write it into one file."""
        self._core.save(os.fspath(path), overwrite)

    def __repr__(self) -> str:
        counts: Any = self.counts
        return f"Classifier({len(counts)} classes, {100 * self.accuracy:.1f} % of {self.tested} fields right)"
