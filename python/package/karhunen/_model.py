"""Models: what samples, on any grid of a box."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _core
from ._arrays import AnyArray, StrPath, cells, four_bytes, squeezed, whole
from ._errors import UsageError
from ._frames import given, observed
from ._mesh import Mesh
from ._progress import Progress, listener
from ._samples import Residual, Samples


def larger_box(
    box: float | Sequence[float] | tuple[Sequence[float], str] | None,
    periodic: bool | Sequence[str],
    overlap: float | None,
    axes: int,
) -> tuple[list[float], str | None, list[str], float | None] | None:
    """A larger box as the compiled part takes it."""
    rings = ["all"] if periodic is True else [] if periodic is False else list(periodic)
    if box is None:
        if rings or overlap is not None:
            raise UsageError("periodic and overlap go with box", "give box=4, or leave them out")
        return None
    unit: str | None = None
    sides: Any = box
    if isinstance(box, tuple) and len(box) == 2 and isinstance(box[1], str):
        sides, unit = box
    lengths = [float(side) for side in np.atleast_1d(np.asarray(sides, dtype=float))]
    return (lengths * axes if len(lengths) == 1 else lengths), unit, rings, overlap


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
            ``"unipc"``, ``"dpm++2m"``, ``"wiener-exponential"``, ``"heun"``, ``"ddim"`` and the like.
        tolerance : float, optional
            Error a step, instead of a number of evaluations (``"wiener-exponential"``).
        refine : list of (grid, time), optional
            Coarser grids on the way, each down to a path time, as ``[((32, 32), 0.6)]``.
        calibration : {"spectrum", "none"}, optional
            Whether fields get mean and spectrum of the data.
        band : {"grid", "trained"}, optional
            Which modes the network is asked about beyond those it was trained on.
        sharpness : float, optional
            Factor of what the network adds to the linear denoiser: 1 as it was trained, 1.1 to 1.2 for cleaner edges
            and less noise. The model's own by default.
        classes : int or sequence of int, optional
            Classes of the fields, by turns.
        attributes : dict of str to float, optional
            Attributes that every field has, of a model trained with them, as ``{"pore": 0.2}``.
        condition : path or array_like, optional
            Fields that are given, of a model trained beside such fields; field i belongs to given field i, and from
            the first one again.
        box : float, sequence of float, or (sequence of float, str), optional
            A box larger than the trained one: so many times its length along each axis, or lengths in a unit
            (``([2000, 3000], "um")``, ``([512, 512], "cells")``).
        periodic : bool or sequence of str
            With `box`: axes along which the larger box closes on itself, as ``("x", "y")``.
        overlap : float, optional
            With `box`: the part of its length that a window shares with the next one.
        guidance : float
            Weight of what is asked for.
        observe : path, list of paths, or pandas.DataFrame, optional
            What is known of the fields: a CSV table of points, a TOML file of ``observe`` tables, or points as a frame
            with columns ``x``, ``y``, ``value`` and the like.
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
        precision : {"f64", "f32"}
            In what numbers the sampler keeps its fields; ``"f32"`` takes about a third less memory on large grids.
        raw : bool
            Of a model of phases: level sets instead of labels.
        report : path, optional
            With ``observe``: a folder for mean, deviation, quantiles and a picture of the fields.
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
        sharpness: float | None = None,
        classes: int | Sequence[int] = (),
        attributes: Mapping[str, float] | None = None,
        condition: StrPath | ArrayLike | None = None,
        box: float | Sequence[float] | tuple[Sequence[float], str] | None = None,
        periodic: bool | Sequence[str] = (),
        overlap: float | None = None,
        guidance: float = 1.0,
        observe: Any = None,
        guidance_order: int = 1,
        particles: int | None = None,
        summary: bool = False,
        surrogate: bool = False,
        volume_fraction: float | tuple[str, float] | None = None,
        clip: tuple[float, float] | None = None,
        precision: str = "f64",
        raw: bool = False,
        report: StrPath | None = None,
        dtype: DTypeLike = np.float64,
        progress: Progress = None,
        _surface: tuple[str | None, bool] | None = None,
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
        larger = larger_box(box, periodic, overlap, axes)
        with observed(observe) as files, given(condition) as beside:
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
                sharpness=sharpness,
                classes=[whole(c, "class") for c in np.atleast_1d(np.asarray(classes, dtype=object))],
                attributes=[(str(name), float(value)) for name, value in (attributes or {}).items()],
                condition=beside,
                larger=larger,
                guidance=float(guidance),
                observe=files,
                guidance_order=guidance_order,
                particles=particles,
                summary=summary,
                surrogate=surrogate,
                volume_fraction=fraction,
                clip=clip,
                precision=precision,
                raw=raw,
                surface=_surface,
                report=None if report is None else os.fspath(report),
                four_bytes=four_bytes(dtype),
                listener=listener(progress),
            )
        values = found["labels"] if "labels" in found else squeezed(found["values"])
        residuals = [Residual(*one) for one in found["residuals"]]
        meshes = tuple(Mesh(*one) for one in found["meshes"])
        about = (residuals, tuple(found["spacing"]), found["unit"], first, meshes)
        return Samples(values, found["classes"], found["evaluations"], *about)

    def surfaces(
        self,
        count: int = 1,
        grid: int | Sequence[int] | None = None,
        seed: int = 0,
        *,
        phase: str | int | None = None,
        open: bool = False,
        **options: Any,
    ) -> list[Mesh]:
        """Surfaces of a phase of sampled volumes, one a field, of a model of phases in three dimensions.

        Parameters
        ----------
        count, grid, seed
            As in `sample`.
        phase : str or int, optional
            Its name or label; the first without.
        open : bool
            Surfaces end at the faces of the box instead of being closed there.
        **options
            As in `sample`.

        Returns
        -------
        list of Mesh
        """
        asked = (None if phase is None else str(phase), open)
        return list(self.samples(count, grid, seed, _surface=asked, **options).meshes)

    def card(
        self,
        *,
        average: float | None = None,
        name: str | None = None,
        licence: str | None = None,
        metrics: Sequence[StrPath] = (),
    ) -> str:
        """The model card, as Markdown: data, training, resolution, how good it was measured to be, how to use it.

        Parameters
        ----------
        average : float, optional
            Length of the average of the weights, for a run.
        name, licence : str, optional
            Of the model, for a run.
        metrics : list of paths
            Files that ``karhunen evaluate --json`` printed, or that hold ``json.dumps(table.to_dict())``.
        """
        files = [os.fspath(path) for path in metrics]
        return self._core.card(average=self._average(average), name=name, licence=licence, metrics=files)

    def export(
        self,
        out: StrPath,
        *,
        average: float | None = None,
        name: str | None = None,
        licence: str | None = None,
        metrics: Sequence[StrPath] = (),
        overwrite: bool = False,
        progress: Progress = None,
    ) -> Model:
        """Write a folder to give away: what sampling needs, with a model card. Other arguments are those of `card`.

        Returns
        -------
        Model
            The exported one.
        """
        self._core.export(
            os.fspath(out),
            average=self._average(average),
            name=name,
            licence=licence,
            metrics=[os.fspath(path) for path in metrics],
            overwrite=overwrite,
            listener=listener(progress),
        )
        return Model(out)

    def report(
        self,
        out: StrPath,
        *,
        reference: StrPath | None = None,
        count: int = 512,
        seed: int = 0,
        distinguish: bool = True,
        overwrite: bool = False,
        progress: Progress = None,
    ) -> None:
        """Write one page of HTML about the model: samples on four grids beside data, tables, curves.

        Parameters
        ----------
        out : path
        reference : path, optional
            Where the data are, if they are no longer where the model was trained on them.
        count : int
            Fields to sample on the coarsest grid shown; half as many on the next, and so on.
        seed : int
        distinguish : bool
            Whether networks learn to tell samples from real fields.
        overwrite : bool
        progress : None, True or callable
        """
        if whole(count, "count") < 2:
            raise UsageError(f"count {count}: at least 2", "512 is usual; fewer are faster")
        self._core.report(
            os.fspath(out),
            reference=None if reference is None else os.fspath(reference),
            count=count,
            seed=whole(seed, "seed"),
            distinguish=distinguish,
            overwrite=overwrite,
            listener=listener(progress),
        )

    def _average(self, asked: float | None) -> float | None:
        """Length of the average of the weights: what is asked for, or what the model was opened with."""
        own: float | None = self._opened.get("average")
        return own if asked is None else asked


    def __repr__(self) -> str:
        levels = ", ".join("×".join(map(str, level)) for level in self.levels)
        return f"Model({self.path!r}: {self.channels} channel(s), trained at {levels}, {self.steps} steps)"
