"""Our samplers with a denoiser of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _core
from ._arrays import AnyArray, Floats, cells, fields, four_bytes, real, squeezed, whole
from ._errors import DataError, UsageError
from ._progress import Progress, listener
from .prior import Prior

Denoiser = Callable[[Floats, float], ArrayLike]
PathLike = Union[str, Mapping[str, Any]]


def sample_with(
    denoiser: Denoiser,
    prior: Prior,
    grid: int | Sequence[int],
    count: int = 16,
    *,
    law: Prior | None = None,
    mean: ArrayLike | None = None,
    path: PathLike = "variance-preserving",
    sampler: str = "ddim",
    evaluations: int = 50,
    channels: int = 1,
    boundary: str | Sequence[str] = "neumann",
    seed: int = 0,
    first: int = 0,
    dtype: DTypeLike = np.float64,
    progress: Progress = None,
) -> AnyArray:
    """Sample with a denoiser that is a Python function, of a network of PyTorch, say.

    Parameters
    ----------
    denoiser : callable
        ``denoiser(x, t)`` gives the mean of the data u, given x = a(t) u + b(t) η; `signal_and_noise` tells a
        and b. x is ``[field, cells…]``, of several channels ``[field, channel, cells…]``, in ``float64``; the
        answer has its shape. It is called in another thread than the one that calls this.
    prior : Prior
        Covariance of the noise η.
    grid : int or tuple of int
    count : int
    law : Prior, optional
        Covariance of the data, for the start and for samplers that use it; `prior` by default.
    mean : array, optional
        Mean of the data, ``(cells…)`` or ``(channels, cells…)``; 0 by default.
    path : str or dict
        ``"variance-preserving"``, ``"cosine"``, ``"variance-exploding"``, ``"flow"``, or a table with ``kind``.
    sampler : str
    evaluations : int
        Calls of the denoiser at most.
    channels : int
    boundary : str or sequence of str
    seed, first : int
    dtype : numpy.float64 or numpy.float32
    progress : None, True or callable

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    The data are one field, so that the denoiser knows it whatever it sees.

    >>> import numpy as np, karhunen as kh
    >>> wave = np.sin(np.arange(16) / 5)
    >>> x = kh.sample_with(lambda x, t: np.broadcast_to(wave, x.shape), kh.prior.Matern(0.3, 1.5), 16, 2, mean=wave)
    >>> bool(np.allclose(x, wave))
    True
    """
    sizes = cells(grid) or []
    law = prior if law is None else law
    if prior._source()[0] is not None or law._source()[0] is not None:
        raise UsageError("a prior that takes its spectrum from data", "give one with parameters")
    many = whole(channels, "channels", 1)
    centre = None
    if mean is not None:
        given = real(mean, "mean")
        centre = fields(given[np.newaxis], "mean", many, len(sizes))
        if list(centre.shape[2:]) != sizes:
            raise DataError(f"mean: {given.shape}, where cells {tuple(sizes)} are meant", "give it on the grid")

    def ask(x: AnyArray, t: float) -> Floats:
        shown = squeezed(x)
        answer = real(denoiser(shown, t), "the denoiser's answer")
        if answer.shape != shown.shape:
            raise DataError(f"the denoiser's answer: shape {answer.shape}, where {shown.shape} is meant", "give one value a cell")
        return np.ascontiguousarray(answer.reshape(x.shape), dtype=np.float64)

    values, _ = _core.sample_with(
        ask,
        kind=prior.kind,
        parameters=prior.parameters,
        law_kind=law.kind,
        law_parameters=law.parameters,
        mean=centre,
        path=_table(path),
        grid=sizes,
        boundary=boundary if isinstance(boundary, str) else ",".join(boundary),
        channels=many,
        count=whole(count, "count"),
        seed=whole(seed, "seed"),
        first=whole(first, "first"),
        sampler=sampler,
        evaluations=whole(evaluations, "evaluations"),
        four_bytes=four_bytes(dtype),
        listener=listener(progress),
    )
    return squeezed(values)


def signal_and_noise(t: float, path: PathLike = "variance-preserving") -> tuple[float, float]:
    """a(t) and b(t): what is left of the data at a time of a path, and the amplitude of the noise."""
    return _core.path_at(_table(path), float(t))


def path_ends(path: PathLike = "variance-preserving") -> tuple[float, float]:
    """The smallest and the largest time of a path."""
    return _core.path_at(_table(path), None)


def _table(path: PathLike) -> dict[str, Any]:
    return {"kind": path} if isinstance(path, str) else dict(path)
