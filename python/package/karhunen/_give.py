"""Runs and models as files, and the check of a model's posteriors."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._arrays import StrPath, cells, real, whole
from ._errors import UsageError
from ._data import Data, Source, data_of
from ._frames import observed
from ._model import Model
from ._progress import Progress, listener
from ._train import Config, configured


class Status(dict[str, Any]):
    """Where a run stands: a dictionary whose text is what ``karhunen status`` prints."""

    text: str = ""

    def __str__(self) -> str:
        return self.text


def status(run: StrPath) -> Status:
    """Where a run stands, while it trains and afterwards.

    Parameters
    ----------
    run : path
        The run's directory.

    Returns
    -------
    Status
        A dictionary with ``step``, ``steps``, ``level``, ``levels``, ``grid``, ``loss``, ``validation``, ``seconds``,
        ``left``, ``process``, ``finished`` and more. ``print`` shows a few lines.
    """
    found, text = _core.status(os.fspath(run))
    told = Status(json.loads(found))
    told.text = text
    return told


def models() -> dict[str, str]:
    """The models that come along, which `Model` opens by their names, and what they show.

    Examples
    --------
    >>> import karhunen as kh
    >>> sorted(kh.models())
    ['builtin:grains', 'builtin:shapes', 'builtin:spinodal']
    """
    return dict(_core.models())


def import_model(
    state: StrPath | Mapping[str, ArrayLike],
    *,
    config: Config,
    out: StrPath,
    prefix: str | None = None,
    offset: float = 0.0,
    scale: float = 1.0,
    data: StrPath | None = None,
) -> Model:
    """Make a model of the published Fourier network, as its authors' code saved it.

    Parameters
    ----------
    state : path or dict of str to array
        What ``torch.save(model.state_dict(), …)`` wrote, a ``.safetensors`` file, or the arrays themselves, such as
        ``{name: tensor.numpy() for name, tensor in model.state_dict().items()}``.
    config : dict, TOML text or path
        What a state dict does not hold: levels (the grid it was trained on), ``data.boundary``, prior, path.
    out : path
        The model's directory.
    prefix : str, optional
        What stands before the names of the arrays; found by itself where there is one network.
    offset, scale : float
        The data's value at the network's 0, and units of the data in one of the network's.
    data : str or path, optional
        The data it was trained on, to start sampling from their law; it starts from the noise otherwise.

    Returns
    -------
    Model
    """
    arrays = []
    if isinstance(state, Mapping):
        for name, given in state.items():
            values = np.asarray(given)
            if values.dtype.kind == "c":
                pairs = np.stack([values.real, values.imag], axis=-1)
                arrays.append((str(name), True, np.ascontiguousarray(pairs, dtype=np.float32)))
            else:
                arrays.append((str(name), False, np.ascontiguousarray(real(values, str(name)), dtype=np.float32)))
    table, text, file = configured(config)
    _core.import_model(
        file=None if isinstance(state, Mapping) else os.fspath(state),
        arrays=arrays,
        config=table,
        text=text,
        config_file=file,
        prefix=prefix,
        offset=float(offset),
        scale=float(scale),
        data=None if data is None else os.fspath(data),
        out=os.fspath(out),
    )
    return Model(out)


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class PosteriorQuality:
    """Whether the spread of posteriors is right. ``print`` shows a few lines.

    Attributes
    ----------
    truths, draws : int
    crps : Estimate
        Continuous ranked probability score, in the data's unit; smaller is better.
    skill, spread : float
        Error of the draws' mean, and their spread; equal if the spread is right.
    ratio : Estimate
        spread / skill.
    half, ninety : Estimate
        Share of cells inside the central half and the central nine tenths of the draws.
    half_expected, ninety_expected : float
        What these should be.
    ranks : list of Estimate
        Share of the truth's ranks in each of ten bins; a tenth each if the spread is right.
    flat : bool
        Whether all of them are within their bands.
    text : str
    """

    truths: int
    draws: int
    crps: Estimate
    skill: float
    spread: float
    ratio: Estimate
    half: Estimate
    half_expected: float
    ninety: Estimate
    ninety_expected: float
    ranks: list[Estimate]
    flat: bool
    text: str

    def __str__(self) -> str:
        return self.text


def calibrate(
    model: Model | StrPath,
    observe: Any,
    *,
    truths: int = 32,
    draws: int = 99,
    grid: int | Sequence[int] | None = None,
    seed: int = 0,
    sampler: str | None = None,
    evaluations: int | None = None,
    particles: int | None = None,
    surrogate: bool = False,
    gaussian: bool = False,
    figure: StrPath | None = None,
    overwrite: bool = False,
    progress: Progress = None,
) -> PosteriorQuality:
    """Check whether the spread of a model's conditioned samples is right.

    Known fields are observed as `observe` says, fields that agree are sampled, and each known field is looked for
    among them.

    Parameters
    ----------
    model : Model or path
    observe : path or pandas.DataFrame
        Where and how exactly is observed; values do not matter. A frame has columns ``x``, ``y``, ``value`` and the like.
    truths, draws : int
        Held-out fields, and samples for each.
    grid : int or tuple of int, optional
    seed : int
    sampler, evaluations, particles : optional
        As in `Model.sample`.
    surrogate : bool
        Draws by simple kriging under the data's Gaussian law.
    gaussian : bool
        Truths of the data's Gaussian law instead of held-out data.
    figure : path, optional
        A PNG file for the histogram of ranks.
    overwrite : bool
    progress : None, True or callable

    Returns
    -------
    PosteriorQuality
    """
    own = model if isinstance(model, Model) else Model(model)
    sizes = cells(grid)
    if sizes is not None and len(sizes) == 1:
        sizes = sizes * len(own.grid)
    with observed(observe) as files:
        if len(files) != 1:
            raise UsageError(f"observe: {len(files)} files", "put all observations into one TOML file")
        found, text = _core.calibrate(
            own._core,
            files[0],
            truths=whole(truths, "truths"),
            draws=whole(draws, "draws"),
            grid=sizes,
            seed=whole(seed, "seed"),
            sampler=sampler,
            evaluations=evaluations,
            particles=particles,
            surrogate=surrogate,
            gaussian=gaussian,
            figure=None if figure is None else os.fspath(figure),
            overwrite=overwrite,
            listener=listener(progress),
        )
    told = json.loads(found)
    for name in ("crps", "ratio", "half", "ninety"):
        told[name] = Estimate(**told[name])
    told["ranks"] = [Estimate(**rank) for rank in told["ranks"]]
    return PosteriorQuality(**told, text=text)


@dataclass(frozen=True)
class LogDensities:
    """ln dP/dN(m, C) of the fields of one source, in nats."""

    #: One number a field.
    values: NDArray[np.float64]
    #: Their standard errors; none where there is one repetition.
    errors: NDArray[np.float64] | None
    #: Mean of the values, and its standard error from field to field.
    mean: float
    error: float
    #: Standard deviation from field to field.
    deviation: float


@dataclass(frozen=True)
class Likelihood:
    """How likely fields are under a model."""

    data: LogDensities
    against: LogDensities | None
    #: The part of all pairs in which a field of `data` is the less likely one.
    auc: float | None


def likelihood(
    model: Model | StrPath,
    data: Data | Source,
    *,
    against: Data | Source | None = None,
    count: int = 64,
    steps: int = 32,
    repetitions: int = 4,
    exact: bool = False,
    grid: int | Sequence[int] | None = None,
    class_: int | None = None,
    part: str = "held-out",
    seed: int = 0,
    progress: Progress = None,
) -> Likelihood:
    """How likely fields are under a model, relative to the Gaussian law of its training data.

    Parameters
    ----------
    model : Model or path
    data : Data, or what Data takes
        The fields. Of what the model was trained on only the held-out part is used.
    against : Data, or what Data takes, optional
        Other fields to compare with; adds the AUC.
    count : int
        Fields of each to look at, at most.
    steps, repetitions : int
        Steps of the probability flow; independent repetitions a field, which give the standard errors.
    exact : bool
        Sum the derivative over all modes instead of estimating its trace.
    grid : int or tuple of int, optional
    class_ : int, optional
        The class that the fields are taken to be of.
    part : {"held-out", "training"}
    seed : int
    progress : None, True or callable

    Returns
    -------
    Likelihood
    """
    own = model if isinstance(model, Model) else Model(model)
    sizes = cells(grid)
    if sizes is not None and len(sizes) == 1:
        sizes = sizes * len(own.grid)
    first, other = data_of(data), None if against is None else data_of(against)
    found = json.loads(
        _core.likelihood(
            _core.Model(own.path, derivatives=True, **own._opened),
            first._core,
            settings=first._settings(),
            against=None if other is None else (other._core, other._settings()),
            count=whole(count, "count"),
            steps=whole(steps, "steps"),
            repetitions=whole(repetitions, "repetitions"),
            exact=exact,
            grid=sizes,
            class_=None if class_ is None else whole(class_, "class_"),
            part=part,
            seed=whole(seed, "seed"),
            listener=listener(progress),
        )
    )

    def densities(one: dict[str, Any]) -> LogDensities:
        errors = None if one["errors"] is None else np.asarray(one["errors"])
        return LogDensities(np.asarray(one["values"]), errors, one["mean"], one["error"], one["deviation"])

    beside = None if found["against"] is None else densities(found["against"])
    return Likelihood(densities(found["data"]), beside, found["auc"])
