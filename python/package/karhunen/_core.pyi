from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

__version__: str

Listener = Callable[[dict[str, Any]], Any] | None

class Data:
    def __init__(self, keys: dict[str, Any]) -> None: ...
    @property
    def cells(self) -> list[int]: ...
    @property
    def channels(self) -> int: ...
    @property
    def count(self) -> int | None: ...
    @property
    def dtype(self) -> str: ...
    @property
    def spacing(self) -> list[float] | None: ...
    @property
    def unit(self) -> str | None: ...
    def levels(self) -> list[str]: ...
    def part(
        self, training: bool, cells: list[int] | None, count: int, seed: int, four_bytes: bool
    ) -> NDArray[Any]: ...

class Model:
    def __init__(
        self,
        path: str,
        *,
        average: float | None = None,
        derivatives: bool = False,
        device: str = "cpu",
        listener: Listener = None,
    ) -> None: ...
    @property
    def path(self) -> str | PathLike[str]: ...
    @property
    def steps(self) -> int: ...
    @property
    def grid(self) -> list[int]: ...
    @property
    def lengths(self) -> list[float]: ...
    @property
    def boundary(self) -> str: ...
    @property
    def channels(self) -> int: ...
    @property
    def classes(self) -> list[int]: ...
    @property
    def phases(self) -> list[str]: ...
    def levels(self) -> list[list[int]]: ...
    def config(self) -> str: ...
    def sample(
        self,
        *,
        count: int,
        grid: list[int] | None,
        seed: int,
        first: int,
        sampler: str | None,
        evaluations: int | None,
        tolerance: float | None,
        refine: list[tuple[list[int], float]],
        calibration: str | None,
        band: str | None,
        sharpness: float | None,
        classes: list[int],
        attributes: list[tuple[str, float]],
        condition: str | None,
        larger: tuple[list[float], str | None, list[str], float | None] | None,
        guidance: float,
        observe: list[str],
        guidance_order: int,
        particles: int | None,
        summary: bool,
        surrogate: bool,
        volume_fraction: tuple[str | None, float] | None,
        clip: tuple[float, float] | None,
        precision: str,
        raw: bool,
        surface: tuple[str | None, bool] | None,
        report: str | None,
        four_bytes: bool,
        listener: Listener,
    ) -> dict[str, Any]: ...
    def card(self, *, average: float | None, name: str | None, licence: str | None, metrics: list[str]) -> str: ...
    def export(
        self,
        out: str,
        *,
        average: float | None,
        name: str | None,
        licence: str | None,
        metrics: list[str],
        overwrite: bool,
        listener: Listener,
    ) -> None: ...
    def report(
        self,
        out: str,
        *,
        reference: str | None,
        count: int,
        seed: int,
        distinguish: bool,
        overwrite: bool,
        listener: Listener,
    ) -> None: ...

class Classifier:
    def __init__(self, path: str) -> None: ...
    @staticmethod
    def train(
        data: Data,
        *,
        test: Data | None,
        grid: list[int] | None,
        steps: int,
        seed: int,
        listener: Listener,
    ) -> Classifier: ...
    @property
    def grid(self) -> list[int]: ...
    @property
    def counts(self) -> list[int]: ...
    @property
    def accuracy(self) -> float: ...
    @property
    def tested(self) -> int: ...
    def read(self, fields: NDArray[np.float64]) -> tuple[NDArray[np.uint32], NDArray[np.float64]]: ...
    def save(self, path: str, overwrite: bool) -> None: ...

def train(
    *,
    data: Data | None,
    config: dict[str, Any] | None,
    text: str | None,
    file: str | None,
    settings: dict[str, Any],
    levels: list[list[int]],
    seconds: float | None,
    steps: int | None,
    seed: int | None,
    out: str,
    device: str,
    resume: bool,
    more: str | None,
    preview: bool,
    listener: Listener,
) -> tuple[Model, bool]: ...
def distil(
    model: str,
    *,
    out: str,
    evaluations: int,
    share: float,
    trajectories: int | None,
    batch: int,
    learning_rate: float,
    seed: int,
    device: str,
    listener: Listener,
) -> Model: ...
def evaluate(
    samples: NDArray[np.float64],
    *,
    fields: NDArray[np.float64] | None,
    data: Data | None,
    settings: list[str],
    model: Model | None,
    boundary: str | None,
    part: str,
    count: int | None,
    seed: int,
    memorisation: str,
    networks: tuple[int, int] | None,
    phases: int | None,
    thresholds: list[float],
    classifier: Classifier | None,
    labels: list[int] | None,
    listener: Listener,
) -> dict[str, Any]: ...
def compare(
    candidates: list[tuple[str, Any]],
    *,
    data: Data,
    settings: list[str],
    boundary: str | None,
    part: str,
    count: int,
    reference_count: int | None,
    evaluations: int | None,
    seed: int,
    networks: tuple[int, int] | None,
    listener: Listener,
) -> dict[str, Any]: ...
def status(run: str) -> tuple[str, str]: ...
def models() -> list[tuple[str, str]]: ...
def import_model(
    *,
    file: str | None,
    arrays: list[tuple[str, bool, NDArray[np.float32]]],
    config: dict[str, Any] | None,
    text: str | None,
    config_file: str | None,
    prefix: str | None,
    offset: float,
    scale: float,
    data: str | None,
    out: str,
) -> list[str]: ...
def calibrate(
    model: Model,
    observe: str,
    *,
    truths: int,
    draws: int,
    grid: list[int] | None,
    seed: int,
    sampler: str | None,
    evaluations: int | None,
    particles: int | None,
    surrogate: bool,
    gaussian: bool,
    figure: str | None,
    overwrite: bool,
    listener: Listener,
) -> tuple[str, str]: ...
def likelihood(
    model: Model,
    data: Data,
    *,
    settings: list[str],
    against: tuple[Data, list[str]] | None,
    count: int,
    steps: int,
    repetitions: int,
    exact: bool,
    grid: list[int] | None,
    class_: int | None,
    part: str,
    seed: int,
    listener: Listener,
) -> str: ...
def write_mesh(
    corners: NDArray[np.float64], triangles: NDArray[np.uint32], path: str, *, overwrite: bool
) -> None: ...
def draw(
    *,
    kind: str,
    parameters: dict[str, Any],
    source: str | None,
    settings: list[str],
    grid: list[int],
    boundary: str,
    count: int,
    seed: int,
    first: int,
    four_bytes: bool,
) -> NDArray[Any]: ...
def sample_with(
    denoiser: Callable[[NDArray[Any], float], NDArray[np.float64]],
    *,
    kind: str,
    parameters: dict[str, Any],
    law_kind: str,
    law_parameters: dict[str, Any],
    mean: NDArray[np.float64] | None,
    path: dict[str, Any],
    grid: list[int],
    boundary: str,
    channels: int,
    count: int,
    seed: int,
    first: int,
    sampler: str,
    evaluations: int,
    four_bytes: bool,
    listener: Listener,
) -> tuple[NDArray[Any], int]: ...
def path_at(keys: dict[str, Any], time: float | None) -> tuple[float, float]: ...
def write(
    fields: NDArray[np.float64], path: str, *, spacing: list[float], unit: str | None, overwrite: bool
) -> None: ...
def _panic() -> None: ...
