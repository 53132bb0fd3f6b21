"""Models and their training."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Union

import numpy as np
from numpy.typing import DTypeLike

from . import _core
from ._arrays import AnyArray, StrPath, cells, four_bytes, paths, squeezed, whole
from ._data import Data, Source, data_of
from ._errors import UsageError
from ._progress import Progress, listener

Config = Union[None, str, "os.PathLike[str]", Mapping[str, Any]]


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

    def write(self, path: StrPath, *, overwrite: bool = False) -> None:
        """Write fields as `write` does, with the lengths of the data's box."""
        dim = len(self.spacing)
        write(path, self.fields, dim=dim, spacing=self.spacing, unit=self.unit, overwrite=overwrite)


class Model:
    """A trained model: what samples, on any grid of its box.

    Parameters
    ----------
    path : path
        A run directory, one checkpoint in it, or an exported model.
    average : float, optional
        Length of the average of the weights, relative to the run's steps; the model's own by default.
    device : str
        Where the network computes.

    Examples
    --------
    >>> model = kh.Model("runs/x")                           # doctest: +SKIP
    >>> model.sample(64, grid=(128, 128), seed=3).shape      # doctest: +SKIP
    (64, 128, 128)
    """

    def __init__(self, path: StrPath, *, average: float | None = None, device: str = "cpu", progress: Progress = None) -> None:
        self._opened: dict[str, Any] = {"average": average, "device": device}
        self._core = _core.Model(os.fspath(path), **self._opened, listener=listener(progress))

    @classmethod
    def _of(cls, core: _core.Model) -> Model:
        model = cls.__new__(cls)
        model._opened = {}
        model._core = core
        return model

    @property
    def path(self) -> str:
        """Where it was read from."""
        return os.fspath(self._core.path)

    @property
    def steps(self) -> int:
        """Steps that it was trained for."""
        return self._core.steps

    @property
    def grid(self) -> tuple[int, ...]:
        """Cells of the finest grid that it was trained on."""
        return tuple(self._core.grid)

    @property
    def lengths(self) -> tuple[float, ...]:
        """Lengths of the box; the first is 1."""
        return tuple(self._core.lengths)

    @property
    def boundary(self) -> str:
        """Boundary condition of the box."""
        return self._core.boundary

    @property
    def levels(self) -> list[tuple[int, ...]]:
        """Grids that it was trained on, coarse first."""
        return [tuple(level) for level in self._core.levels()]

    @property
    def channels(self) -> int:
        """Channels of its fields; of a model of phases, its phases or one."""
        return self._core.channels

    @property
    def classes(self) -> list[int]:
        """Training fields of each class; empty without labels."""
        return self._core.classes

    @property
    def phases(self) -> list[str]:
        """Names of its phases by rising label; empty of a model of values."""
        return self._core.phases

    @property
    def config(self) -> str:
        """The configuration of its run as TOML, every default filled in."""
        return self._core.config()

    def sample(self, count: int = 16, grid: int | Sequence[int] | None = None, seed: int = 0, **options: Any) -> AnyArray:
        """Fields in the data's own values: one seed is one function on every grid.

        Parameters
        ----------
        count : int
            Fields to make.
        grid : int or tuple of int, optional
            Cells an axis; those of the finest trained grid by default. More cells are a finer view of the box.
        seed : int
        first : int
            Number of the first field: ``first=64`` goes on after 64 fields.
        evaluations : int, optional
            Network evaluations a field; the model's own by default.
        sampler : str, optional
            ``"dpm++2m"``, ``"wiener-exponential"``, ``"heun"``, ``"ddim"`` and the like.
        tolerance : float, optional
            Error a step, instead of a number of evaluations (``"wiener-exponential"``).
        refine : list of (grid, time), optional
            Coarser grids on the way, each down to a path time, as ``[((32, 32), 0.6)]``.
        calibration : {"spectrum", "none"}, optional
            Whether fields get mean and spectrum of the data.
        band : {"grid", "trained"}, optional
            Which modes the network is asked about beyond those it was trained on.
        classes : int or sequence of int, optional
            Classes of the fields, by turns.
        guidance : float
            Weight of the class.
        observe : path or list of paths, optional
            Files of what is known of the fields: a CSV table of points, or a TOML file of ``observe`` tables.
        guidance_order : {1, 2}
            2: guidance by the derivative of the network.
        particles : int, optional
            Choose each field among so many weighted particles.
        summary : bool
            Mean and standard deviation, two fields, instead of the fields.
        surrogate : bool
            Fields of the data's Gaussian law instead; with ``observe`` that is simple kriging.
        volume_fraction : float or (str, float), optional
            Volume fraction that a phase has in every field.
        clip : (float, float), optional
            Values are clipped to this range.
        raw : bool
            Of a model of phases: level sets instead of labels.
        dtype : numpy.float64 or numpy.float32
            The program writes ``float32``; both are the same numbers, rounded.
        progress : None, True or callable
            Hears a dictionary now and then; ``False`` as its answer ends the work with `StoppedError`.

        Returns
        -------
        numpy.ndarray
            ``[field, cells…]``, of several channels ``[field, channel, cells…]``; of a model of phases labels
            of type ``uint8``.
        """
        return self.samples(count, grid, seed, **options).fields

    def samples(
        self,
        count: int = 16,
        grid: int | Sequence[int] | None = None,
        seed: int = 0,
        *,
        first: int = 0,
        evaluations: int | None = None,
        sampler: str | None = None,
        tolerance: float | None = None,
        refine: Sequence[tuple[int | Sequence[int], float]] = (),
        calibration: str | None = None,
        band: str | None = None,
        classes: int | Sequence[int] = (),
        guidance: float = 1.0,
        observe: StrPath | Sequence[StrPath] | None = None,
        guidance_order: int = 1,
        particles: int | None = None,
        summary: bool = False,
        surrogate: bool = False,
        volume_fraction: float | tuple[str, float] | None = None,
        clip: tuple[float, float] | None = None,
        raw: bool = False,
        dtype: DTypeLike = np.float64,
        progress: Progress = None,
    ) -> Samples:
        """As `sample`, with the classes, the evaluations and the residuals of observations."""
        axes = len(self.grid)

        def sizes(value: int | Sequence[int] | None) -> list[int] | None:
            given = cells(value)
            return given * axes if given is not None and len(given) == 1 else given

        if guidance_order not in (1, 2):
            raise UsageError(f"guidance_order {guidance_order!r}: there are 1 and 2", "leave it out for 1")
        core = self._core
        if guidance_order == 2:
            core = _core.Model(self.path, derivatives=True, **self._opened)
        fraction: tuple[str | None, float] | None = None
        if volume_fraction is not None:
            fraction = volume_fraction if isinstance(volume_fraction, tuple) else (None, float(volume_fraction))
            if not 0 <= fraction[1] <= 1:
                raise UsageError(f"volume_fraction {fraction[1]}: it must lie in [0, 1]", "write 0.2 for twenty per cent")
        found = core.sample(
            count=whole(count, "count"),
            grid=sizes(grid),
            seed=whole(seed, "seed"),
            first=whole(first, "first"),
            sampler=sampler,
            evaluations=None if evaluations is None else whole(evaluations, "evaluations"),
            tolerance=tolerance,
            refine=[(sizes(coarse) or [], float(until)) for coarse, until in refine],
            calibration=calibration,
            band=band,
            classes=[whole(c, "class") for c in np.atleast_1d(np.asarray(classes, dtype=object))],
            guidance=float(guidance),
            observe=paths(observe),
            guidance_order=guidance_order,
            particles=particles,
            summary=summary,
            surrogate=surrogate,
            volume_fraction=fraction,
            clip=clip,
            raw=raw,
            four_bytes=four_bytes(dtype),
            listener=listener(progress),
        )
        values = found["labels"] if "labels" in found else squeezed(found["values"])
        residuals = [Residual(*one) for one in found["residuals"]]
        return Samples(values, found["classes"], found["evaluations"], residuals, tuple(found["spacing"]), found["unit"])

    def __repr__(self) -> str:
        levels = ", ".join("×".join(map(str, level)) for level in self.levels)
        return f"Model({self.path!r}: {self.channels} channel(s), trained at {levels}, {self.steps} steps)"


def train(
    data: Data | Source | None = None,
    *,
    out: StrPath,
    levels: Sequence[int | Sequence[int]] = (),
    minutes: float | None = None,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int | None = None,
    config: Config = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "cpu",
    resume: bool = True,
    more: str | int | None = None,
    progress: Progress = None,
) -> Model:
    """Train a model, or go on with the run that `out` holds.

    Ctrl-C stops after the step under way, saves, and raises `KeyboardInterrupt`; the same call goes on.

    Parameters
    ----------
    data : Data or what Data takes
        What to learn from; without it `config` says it.
    out : path
        The run directory. Data given as an array are written into it, as ``data.npy``.
    levels : list of int or of tuples of int
        Grids to train on, coarse first; those that suit the data by default.
    minutes, seconds, steps : optional
        How long: one of them.
    seed : int, optional
    config : dict, TOML text or path, optional
        The whole configuration or parts of it; `data` takes the place of its table ``data``.
    settings : dict, optional
        Single keys, as ``{"training.batch": 16}``.
    device : str
    resume : bool
        Whether a run of the same configuration is continued; it is refused otherwise.
    more : str or int, optional
        How much longer a run goes on that has ended: ``"30m"``, ``"2h"``, or a number of steps.
    progress : None, True or callable
        Hears a dictionary a step, with ``step``, ``total``, ``level``, ``grid``, ``seconds``, ``loss`` and
        ``left``. ``False`` as its answer stops the run; the model is of the steps done.

    Returns
    -------
    Model

    Examples
    --------
    >>> model = kh.train("builtin:spinodal", levels=[16, 32], minutes=5, out="runs/x")   # doctest: +SKIP
    """
    budgets = {"minutes": minutes, "seconds": seconds, "steps": steps}
    given = [name for name, value in budgets.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)}: one of them says how long", f"leave {given[1]} out")
    if steps is not None:
        steps = whole(steps, "steps", 1)
    if minutes is not None:
        seconds = 60.0 * minutes
    if seconds is not None and not 0 < seconds < float("inf"):
        raise UsageError(f"{given[0]} {budgets[given[0]]!r}: it must be positive and finite", f"write {given[0]}=5")
    if data is None and config is None:
        raise UsageError("no data", "give data, or a config that names them")
    opened = None if data is None else _in_run(data_of(data), os.fspath(out))
    table = dict(config) if isinstance(config, Mapping) else None
    text = config if isinstance(config, str) and ("\n" in config or "=" in config) else None
    file = None if config is None or table is not None or text is not None else os.fspath(config)  # type: ignore[arg-type]
    core, _ = _core.train(
        data=None if opened is None else opened._core,
        config=table,
        text=text,
        file=file,
        settings=dict(settings or {}),
        levels=[cells(level, "level") or [] for level in levels],
        seconds=seconds,
        steps=steps,
        seed=None if seed is None else whole(seed, "seed"),
        out=os.fspath(out),
        device=device,
        resume=resume,
        more=None if more is None else str(more),
        listener=listener(progress),
    )
    return Model._of(core)


def _in_run(data: Data, out: str) -> Data:
    """The same data, with arrays as files of the run: it can then go on without them."""
    if not data._files:
        return data
    os.makedirs(out, exist_ok=True)
    keys = dict(data._keys)
    for name in data._files:
        path = os.path.join(out, "data.npy" if name == "source" else f"{name}.npy")
        if not os.path.exists(path):
            shutil.copyfile(keys[name], path)
        elif not _same(keys[name], path):
            raise UsageError(f"{path}: holds other data", "give another out")
        keys[name] = path
    return Data(**{key: value for key, value in keys.items() if key != "patch"}, patch=_patch(keys))


def _same(one: str, other: str) -> bool:
    with open(one, "rb") as a, open(other, "rb") as b:
        while True:
            x, y = a.read(1 << 20), b.read(1 << 20)
            if x != y:
                return False
            if not x:
                return True


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
    from ._arrays import fields

    steps = [float(s) for s in np.atleast_1d(np.asarray(spacing, dtype=float))]
    _core.write(fields(array, "array", dim=dim), os.fspath(path), spacing=steps, unit=unit, overwrite=overwrite)


def _patch(keys: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Cells of patches as they were given."""
    return None if keys["patch"] is None else tuple(int(n) for n in keys["patch"].split("x"))
