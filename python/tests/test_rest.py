"""Tables, priors, denoisers of one's own, files, types, examples."""

import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import karhunen as kh

HERE = Path(__file__).parent
SMOOTH, ROUGH = kh.prior.Matern(length=0.4, smoothness=2.5), kh.prior.Matern(length=0.05, smoothness=0.5)


def test_a_table_says_what_differs():
    real = SMOOTH.sample(200, grid=(12, 10), seed=1)
    table = kh.evaluate(ROUGH.sample(100, grid=(12, 10), seed=2), real)
    assert "differ from real fields" in table.verdict and [r.name for r in table.rows] == ["samples", "Gaussian surrogate"]
    first = table.rows[0].statistics
    assert first[0].floors == max(s.floors for s in first if s.floors is not None) and first[0].floors > 3
    assert table.to_dict()["energy_distance_floor"] > 0
    page = table._repr_html_()
    assert page.startswith("<table>") and "spectrum" in page and "Gaussian surrogate" in page
    assert str(table).startswith("grid 12x10") and "Table" in repr(table)
    alike = kh.evaluate(SMOOTH.sample(100, grid=(12, 10), seed=3), real)
    assert alike.rows[0].statistics[0].floors < 2


def test_pandas_is_asked_for_late():
    table = kh.evaluate(SMOOTH.sample(40, grid=8), SMOOTH.sample(80, grid=8, seed=1))
    try:
        import pandas
    except ImportError:
        with pytest.raises(ImportError, match="pip install pandas"):
            table.to_pandas()
    else:
        frame = table.to_pandas()
        assert isinstance(frame, pandas.DataFrame) and list(frame.columns) == [row.name for row in table.rows]


def test_samples_of_a_model_against_its_data(model):
    heard = []
    data = kh.Data("builtin:spinodal", count=32)
    samples = model.sample(24, grid=16)
    table = kh.evaluate(samples, data, model=model, count=64, progress=heard.append)
    assert heard and {"progress"} <= {told["kind"] for told in heard}
    assert table.rows[0].count == 24 and table.rows[0].grid == "16x16"
    beside = kh.evaluate(samples, data.held_out((16, 16), count=64), model=model)
    assert "samples" in beside.verdict
    # a callable is asked for fields on the grid of the samples
    assert str(kh.evaluate(samples, data.held_out, model=model, count=64)) == str(beside)
    assert kh.evaluate(samples, data.held_out, count=64).rows[0].reference_count == beside.rows[0].reference_count
    with pytest.raises(kh.UsageError, match="part"):
        kh.evaluate(samples, data, part="other")


def test_a_model_of_phases_gives_labels(tmp_path):
    from conftest import SMALL

    labels = (kh.prior.Matern(0.2, 1.5).sample(48, grid=(16, 16)) > 0.3).astype(np.uint8)
    data = kh.Data(labels, phases={"pore": 0, "grain": 1})
    model = kh.train(data, levels=[8, 16], steps=4, settings=SMALL, out=tmp_path / "x")
    assert model.phases == ["pore", "grain"]
    samples, raw = model.sample(24), model.sample(24, raw=True)
    assert samples.dtype == np.uint8 and set(np.unique(samples)) <= {0, 1} and raw.dtype == np.float64
    table = kh.evaluate(samples, tmp_path / "x" / "data.npy", model=model)
    assert table.rows[0].count == 24 and "phases" in table.to_dict()
    held = model.sample(24, volume_fraction=("pore", float((labels == 0).mean())))
    fractions = (held == 0).mean(axis=(1, 2))
    assert np.ptp(fractions) < 0.02


@pytest.mark.parametrize(
    "law",
    [
        kh.prior.Matern(0.2, 1.5), kh.prior.Laplacian(1.0, 1.0), kh.prior.Bessel(8, 0.75), kh.prior.Truncated(3),
        kh.prior.Combined(3, 1.0), kh.prior.Tabulated([[0, 1], [10, 0.1], [100, 0]]), kh.prior.Standard(),
        kh.prior.Fitted(kh.Data("builtin:spinodal", count=16)),
    ],
    ids=repr,
)
def test_priors_draw(law):
    x, again = law.sample(3, grid=(12, 8), seed=2), law.sample(3, grid=(12, 8), seed=2)
    assert x.shape == (3, 12, 8) and np.isfinite(x).all() and np.array_equal(x, again)
    assert np.array_equal(law.sample(2, grid=(12, 8), seed=2, first=1), x[1:])


def test_a_prior_has_its_variance_and_is_one_function():
    x = kh.prior.Matern(length=0.05, smoothness=1.5, variance=4).sample(400, grid=(32, 32), boundary="periodic")
    assert abs(x.var() / 4 - 1) < 0.1
    coarse, fine = SMOOTH.sample(1, grid=16, seed=3), SMOOTH.sample(1, grid=64, seed=3)
    assert np.abs(fine.reshape(1, 16, 4).mean(-1) - coarse).max() < 0.05


@pytest.mark.parametrize("wrong", [{"length": -1, "smoothness": 1}, {"length": np.nan, "smoothness": 1}, {"length": 1, "smoothness": 0}])
def test_parameters_that_are_wrong_are_one_error(wrong):
    with pytest.raises(kh.UsageError):
        kh.prior.Matern(**wrong).sample(1, 8)


@pytest.mark.parametrize("sampler", ["ddim", "heun", "dpm++2m", "unipc", "euler-maruyama", "wiener-exponential"])
@pytest.mark.parametrize("path", ["variance-preserving", "cosine", "flow"])
def test_the_denoiser_of_a_gaussian_law_gives_that_law(sampler, path):
    law, grid = kh.prior.Matern(0.2, 1.5, variance=2.0), 32

    def denoiser(x, t):
        a, b = kh.signal_and_noise(t, path)
        # data and noise have one covariance: the mean of u given x is a factor of x
        return a / (a**2 + b**2) * x

    x = kh.sample_with(denoiser, law, grid, 400, path=path, sampler=sampler, evaluations=40, seed=1)
    assert x.shape == (400, 32) and abs(x.var() / law.sample(400, grid, seed=2).var() - 1) < 0.15


def test_a_denoiser_that_fails_says_how():
    law = kh.prior.Matern(0.2, 1.5)
    with pytest.raises(ZeroDivisionError):
        kh.sample_with(lambda x, t: 1 / 0, law, 8, 2)
    with pytest.raises(kh.DataError, match="shape"):
        kh.sample_with(lambda x, t: x[:1], law, 8, 2)
    with pytest.raises(kh.DataError, match="complex"):
        kh.sample_with(lambda x, t: 1j * x, law, 8, 2)
    with pytest.raises(kh.Error):
        kh.sample_with(lambda x, t: x * np.nan, law, 8, 2)
    with pytest.raises(kh.UsageError):
        kh.sample_with(lambda x, t: x, law, 8, 2, path="winding")
    pair = kh.sample_with(lambda x, t: 0 * x, law, (8, 4), 3, channels=2, mean=np.zeros((2, 8, 4)))
    assert pair.shape == (3, 2, 8, 4) and np.allclose(pair, 0)


def test_fields_are_written_by_ending(tmp_path, model):
    x = model.sample(2)
    kh.write(tmp_path / "x.npy", x)
    assert np.array_equal(np.load(tmp_path / "x.npy"), x.astype(np.float32))
    kh.write(tmp_path / "x.vti", x, spacing=0.5, unit="mm")
    assert b'Spacing="0.5 0.5' in (tmp_path / "x.vti").read_bytes()
    model.samples(2).write(tmp_path / "x.png")
    with pytest.raises(kh.Error, match="exists"):
        kh.write(tmp_path / "x.npy", x)
    kh.write(tmp_path / "x.npy", x + 1, overwrite=True)
    with pytest.raises(kh.Error):
        kh.write(tmp_path / "x.what", x)


def test_types_are_right(tmp_path):
    pytest.importorskip("mypy")
    user = tmp_path / "user.py"
    user.write_text(
        "import numpy as np\nimport karhunen as kh\n"
        "data = kh.Data('slices/', patch=(128, 128))\n"
        "model = kh.train(data, levels=[16, 32, 64], minutes=5, out='runs/x', settings={'training.batch': 16})\n"
        "u = model.sample(64, grid=(128, 128), seed=3)\n"
        "table = kh.evaluate(u, reference=data.held_out(), model=model)\n"
        "verdict: str = table.verdict\n"
        "law: kh.prior.Prior = kh.prior.Matern(length=0.1, smoothness=1.5)\n"
        "x = kh.sample_with(lambda x, t: x, law, (8, 8))\n"
        "count: int | None = data.count\n"
        "given: kh.Model = model.export('given', licence='CC0')\n"
        "found: kh.Table = kh.compare({'a': model, 'b': u}, data)\n"
        "spread: kh.PosteriorQuality = kh.calibrate(model, 'wells.csv')\n"
        "area: float = model.surfaces(phase='pore')[0].area\n"
        "classes: np.ndarray = kh.Classifier('digits.classifier').read(u).classes\n"
        "level: int = kh.status('runs/x')['level']\n"
    )
    for target in (HERE.parent / "package", user):
        called = [sys.executable, "-m", "mypy", "--strict", str(target)]
        done = subprocess.run(called, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    user.write_text("import karhunen as kh\nkh.Data(3).cells.append(1)\nkh.train(out='x', step=3)\n")
    done = subprocess.run([sys.executable, "-m", "mypy", str(user)], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.count("error") >= 2


@pytest.mark.parametrize("name", ["_data", "_give", "_table", "_trial"])
def test_examples_of_the_documentation_run(name):
    module = importlib.import_module(f"karhunen.{name}")
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


def test_all_that_is_public_is_documented():
    for name in kh.__all__:
        thing = getattr(kh, name)
        if not name.startswith("__"):
            assert thing.__doc__, name
            for inner, value in vars(thing).items() if isinstance(thing, type) else ():
                assert inner.startswith("_") or not callable(value) or value.__doc__, f"{name}.{inner}"


@pytest.mark.parametrize("script", sorted((HERE.parent / "examples").glob("plot_*.py")), ids=lambda path: path.stem)
def test_gallery(script, tmp_path):
    if "dask" in script.stem:
        pytest.importorskip("dask.array")
    if "distributed" in script.stem:
        pytest.importorskip("distributed")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".png", ".vti")], done.stdout
