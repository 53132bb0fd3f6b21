"""Training."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Union

from . import _core
from ._arrays import StrPath, cells, whole
from ._data import Data, Source, data_of
from ._errors import UsageError
from ._model import Model
from ._progress import Progress, listener

Config = Union[None, str, "os.PathLike[str]", Mapping[str, Any]]


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
    preview: bool = False,
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
    preview : bool
        Draw samples of fixed seeds into ``preview/`` of the run, at the end of every level and at validations.
        ``settings={"training.tensorboard": True}`` writes event files for TensorBoard.
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
    table, text, file = configured(config)
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
        preview=preview,
        listener=listener(progress),
    )
    return Model._of(core)


def distil(
    model: Model | StrPath,
    *,
    out: StrPath,
    evaluations: int = 4,
    share: float = 0.25,
    trajectories: int | None = None,
    batch: int = 16,
    learning_rate: float = 1.5e-3,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = None,
) -> Model:
    """Make a model that needs a few evaluations for a field out of one that needs many. No data are needed.

    Ctrl-C stops after the step under way, saves, and raises `KeyboardInterrupt`; the same call goes on.

    Parameters
    ----------
    model : Model or path
        What to learn from. The new model's fields are nearly those of this one, seed by seed.
    out : path
        Directory of the new model.
    evaluations : int
        Evaluations of the network for a field, 1 to 64. The new model knows no others.
    share : float
        Operations to spend, relative to those of the training of `model`.
    trajectories : int, optional
        Fields of `model` to learn from, instead of a share.
    batch : int
        States of trajectories a step.
    learning_rate : float
        Its peak.
    seed : int
    device : str
    progress : None, True or callable
        As of `train`. ``False`` as its answer stops; the model is of the steps done.

    Returns
    -------
    Model

    Examples
    --------
    >>> fast = kh.distil(model, out="runs/x-4")   # doctest: +SKIP
    >>> fast.sample(10_000)                       # doctest: +SKIP
    """
    core = _core.distil(
        model.path if isinstance(model, Model) else os.fspath(model),
        out=os.fspath(out),
        evaluations=whole(evaluations, "evaluations"),
        share=float(share),
        trajectories=None if trajectories is None else whole(trajectories, "trajectories"),
        batch=whole(batch, "batch"),
        learning_rate=float(learning_rate),
        seed=whole(seed, "seed"),
        device=device,
        listener=listener(progress),
    )
    return Model._of(core)


def configured(config: Config) -> tuple[dict[str, Any] | None, str | None, str | None]:
    """A configuration as a table, a text or a file: the one that it is."""
    if config is None:
        return None, None, None
    if isinstance(config, Mapping):
        return dict(config), None, None
    if isinstance(config, str) and ("\n" in config or "=" in config):
        return None, config, None
    return None, None, os.fspath(config)


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


def _patch(keys: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Cells of patches as they were given."""
    return None if keys["patch"] is None else tuple(int(n) for n in keys["patch"].split("x"))
