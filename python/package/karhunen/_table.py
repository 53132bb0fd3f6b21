"""Samples against real fields."""

from __future__ import annotations

import html
import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from . import _core
from ._arrays import StrPath, fields, whole
from ._data import Data, Source, data_of
from ._frames import plain
from ._errors import UsageError
from ._progress import Progress, listener

if TYPE_CHECKING:
    from ._classifier import Classifier
    from ._model import Model


@dataclass(frozen=True)
class Statistic:
    """One statistic of one row.

    Attributes
    ----------
    name : str
    value : float
        As measured.
    floor : float
        What 95 of 100 pairs of sets of real fields stay below; of a ratio a factor.
    floors : float or None
        The distance from real fields in floors: 1 and less cannot be told from them.
    """

    name: str
    value: float
    floor: float
    floors: float | None


@dataclass(frozen=True)
class Row:
    """Samples, or a baseline, against real fields: the worst statistic comes first."""

    name: str
    verdict: str
    grid: str
    count: int
    reference_count: int
    statistics: tuple[Statistic, ...]


class Table:
    """What a comparison found: samples first, then the baselines that must be beaten."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._text: str = found["text"]
        self._json: str = found["json"]
        self.notes: list[str] = found["notes"]
        self.rows: list[Row] = [
            Row(**{**row, "statistics": tuple(Statistic(*one) for one in row["statistics"])})
            for row in found["rows"]
        ]

    @property
    def verdict(self) -> str:
        """The samples in words."""
        return self.rows[0].verdict

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, as ``karhunen evaluate --json`` prints it."""
        found: dict[str, Any] = json.loads(self._json)
        return found

    def to_pandas(self) -> Any:
        """A data frame of distances in floors: a line a statistic, a column a row. It needs pandas."""
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise ImportError("to_pandas needs pandas: pip install pandas, or take to_dict()") from error
        columns = {row.name: {s.name: s.floors for s in row.statistics} for row in self.rows}
        order = [s.name for s in self.rows[0].statistics]
        return pandas.DataFrame(columns).reindex(order)

    def _repr_html_(self) -> str:
        names = [s.name for s in self.rows[0].statistics]
        columns = [{s.name: s.floors for s in row.statistics} for row in self.rows]
        head = "".join(f"<th scope='col'>{html.escape(row.name)}</th>" for row in self.rows)
        lines = []
        for name in names:
            cells = (column.get(name) for column in columns)
            shown = "".join(f"<td>{'–' if c is None else f'{c:.1f}'}</td>" for c in cells)
            lines.append(f"<tr><th scope='row'>{html.escape(name)}</th>{shown}</tr>")
        caption = f"<caption>{html.escape(self.verdict)}. Distances in floors, worst first.</caption>"
        return f"<table>{caption}<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<Table: {self.verdict}>"


def evaluate(
    samples: ArrayLike,
    reference: Data | Source | Callable[..., ArrayLike],
    *,
    model: Model | StrPath | None = None,
    dim: int | None = None,
    boundary: str | None = None,
    part: str = "held-out",
    count: int | None = None,
    seed: int = 0,
    memorisation: str = "some",
    networks: tuple[int, int] | None = None,
    phases: int | None = None,
    thresholds: Sequence[float] = (),
    classifier: Classifier | StrPath | None = None,
    labels: ArrayLike | None = None,
    progress: Progress = None,
) -> Table:
    """Compare samples with real fields, beside the baselines that must be beaten.

    Parameters
    ----------
    samples : array
        ``(fields, cells…)`` or ``(fields, channels, cells…)`` in the data's own values.
    reference : array, Data, str, path or callable
        Real fields. An array is taken as it is: you know that it was not trained on. Of data that `model`
        was trained on only the held-out part is used. A callable, such as `Data.held_out`, is asked for
        ``count`` fields (2048 by default) on the grid of the samples.
    model : Model or path, optional
        Where the samples come from: adds its baselines, and looks for copies of training fields.
    dim : int, optional
        Axes of a field. Without it, and without model and data, fields have one channel.
    boundary : str, optional
        Boundary condition of the box, where neither model nor data tell it.
    part : {"held-out", "training"}
        Which part of the model's own data.
    count : int, optional
        Real fields to read at most.
    seed : int
    memorisation : {"some", "all", "none"}
        Training fields to look for copies among.
    networks : tuple of int, optional
        Fields a side and number of networks that learn to tell samples from real fields.
    phases : int, optional
        Cut fields into so many phases and measure diversity, clusters and structure functions.
    thresholds : sequence of float
        The same, cut at these values.
    classifier : Classifier or path, optional
        Adds the distance of the features and of the classes that it reads from those of real fields.
    labels : array, optional
        With ``classifier``: the classes that the samples were asked to be of. Adds how many are read as such.
    progress : None, True or callable

    Returns
    -------
    Table

    Examples
    --------
    >>> import karhunen as kh
    >>> smooth, rough = kh.prior.Matern(length=0.4, smoothness=2.5), kh.prior.Matern(length=0.05, smoothness=0.5)
    >>> table = kh.evaluate(rough.sample(100, grid=(12, 10)), smooth.sample(200, grid=(12, 10), seed=1))
    >>> "differ from real fields" in table.verdict
    True
    """
    from ._classifier import Classifier
    from ._model import Model

    known = model if model is None or isinstance(model, Model) else Model(model)
    data, array = _opened(reference)
    teller = getattr(reference, "__self__", None)
    channels = None
    if known is not None:
        dim, channels = len(known.grid), known.channels
    elif data is not None:
        dim, channels = len(data.cells), data.channels
    elif isinstance(teller, Data):
        dim, channels = len(teller.cells), teller.channels
    if known is not None and known.phases:
        channels = None  # labels, or level sets
    reader = Classifier(classifier) if isinstance(classifier, (str, os.PathLike)) else classifier
    if labels is not None and reader is None:
        raise UsageError("labels without a classifier", "give the classifier that reads them")
    own = fields(plain(samples), "samples", channels, dim)
    if callable(reference):
        array = reference(own.shape[2:], 2048 if count is None else count)
    real = None if data is not None else fields(plain(array), "reference", channels, dim)
    return Table(
        _core.evaluate(
            own,
            fields=real,
            data=None if data is None else data._core,
            settings=[] if data is None else data._settings(),
            model=None if known is None else known._core,
            boundary=boundary,
            part=part,
            count=count,
            seed=seed,
            memorisation=memorisation,
            networks=networks,
            phases=phases,
            thresholds=[float(t) for t in np.atleast_1d(np.asarray(thresholds, dtype=float))],
            classifier=None if reader is None else reader._core,
            labels=None if labels is None else [whole(label, "label") for label in np.ravel(np.asarray(labels))],
            listener=listener(progress),
        )
    )


def compare(
    candidates: Mapping[str, Model | StrPath | ArrayLike] | Sequence[StrPath],
    reference: Data | Source,
    *,
    count: int = 512,
    reference_count: int | None = None,
    evaluations: int | None = None,
    boundary: str | None = None,
    part: str = "held-out",
    seed: int = 0,
    networks: tuple[int, int] | None = None,
    progress: Progress = None,
) -> Table:
    """Compare several models or sets of samples with the same real fields, side by side.

    Parameters
    ----------
    candidates : dict, or list of paths
        Names with models, arrays or paths; or paths of models and of files of samples alone.
    reference : Data, or what Data takes
        Real fields. Of data that a model was trained on only the held-out part is used.
    count : int
        Fields to sample from each model.
    reference_count : int, optional
        Real fields to read at most.
    evaluations : int, optional
        Network evaluations a field; each model's own by default.
    boundary, part, seed, networks, progress
        As in `evaluate`.

    Returns
    -------
    Table
        A row a candidate, then the baselines.

    Examples
    --------
    >>> import karhunen as kh
    >>> smooth, rough = kh.prior.Matern(length=0.4, smoothness=2.5), kh.prior.Matern(length=0.05, smoothness=0.5)
    >>> real = smooth.sample(200, grid=(12, 10), seed=1)
    >>> table = kh.compare({"rough": rough.sample(60, (12, 10)), "smooth": smooth.sample(60, (12, 10))}, real)
    >>> [row.name for row in table.rows][:2]
    ['rough', 'smooth']
    """
    from ._model import Model

    data = data_of(reference)
    dim, channels = len(data.cells), data.channels
    given: list[tuple[str, Any]] = []
    if isinstance(candidates, Mapping):
        for name, candidate in candidates.items():
            if isinstance(candidate, (str, os.PathLike)):
                path = os.fspath(candidate)
                # a folder holds a model; a file is read by its path
                given.append((name, Model(path)._core if os.path.isdir(path) or ":" in path else path))
            elif isinstance(candidate, Model):
                given.append((name, candidate._core))
            else:
                own = None if data._keys.get("phases") else channels
                given.append((name, fields(plain(candidate), name, own, dim)))
    else:
        given = [(os.fspath(path), os.fspath(path)) for path in candidates]
    if not given:
        raise UsageError("no candidates", "give models or samples with their names")
    return Table(
        _core.compare(
            given,
            data=data._core,
            settings=data._settings(),
            boundary=boundary,
            part=part,
            count=whole(count, "count"),
            reference_count=reference_count,
            evaluations=evaluations,
            seed=whole(seed, "seed"),
            networks=networks,
            listener=listener(progress),
        )
    )


def _opened(reference: Any) -> tuple[Data | None, Any]:
    """Data where they are given or named; otherwise an array, or what gives one."""
    if isinstance(reference, Data):
        return reference, None
    several = isinstance(reference, (list, tuple)) and bool(reference)
    named = reference[0] if several else reference
    if isinstance(named, (str, os.PathLike)):
        return Data(reference), None
    return None, reference
