"""Generative models of functions: train across resolutions, sample at any, evaluate.

>>> import karhunen as kh
>>> data = kh.Data("slices/", patch=(128, 128))                                # doctest: +SKIP
>>> model = kh.train(data, levels=[16, 32, 64], minutes=5, out="runs/x")       # doctest: +SKIP
>>> u = model.sample(64, grid=(128, 128), seed=3)                              # doctest: +SKIP
>>> print(kh.evaluate(u, data, model=model).verdict)                           # doctest: +SKIP
"""

from . import prior
from ._core import __version__
from ._classifier import Classifier, Reading
from ._data import Data
from ._errors import DataError, Error, StoppedError, UsageError
from ._give import (
    Estimate,
    Likelihood,
    LogDensities,
    PosteriorQuality,
    Status,
    calibrate,
    import_model,
    likelihood,
    models,
    status,
)
from ._mesh import Mesh
from ._model import Model
from ._samples import Residual, Samples, write
from ._table import Row, Statistic, Table, compare, evaluate
from ._train import distil, train
from ._trial import path_ends, sample_with, signal_and_noise

__all__ = [
    "Classifier",
    "Data",
    "DataError",
    "Error",
    "Estimate",
    "Likelihood",
    "LogDensities",
    "Mesh",
    "Model",
    "PosteriorQuality",
    "Reading",
    "Residual",
    "Row",
    "Samples",
    "Statistic",
    "Status",
    "StoppedError",
    "Table",
    "UsageError",
    "__version__",
    "calibrate",
    "compare",
    "distil",
    "evaluate",
    "import_model",
    "likelihood",
    "models",
    "path_ends",
    "prior",
    "sample_with",
    "signal_and_noise",
    "status",
    "train",
    "write",
]
