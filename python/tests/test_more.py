"""Models to give away, classifiers, comparisons, posteriors, surfaces, arrays with names, runs that are watched."""

import json
import sys

import numpy as np
import pytest

import karhunen as kh
from conftest import SMALL

SMOOTH = kh.prior.Matern(length=0.3, smoothness=2.5)


def test_a_model_is_exported_with_its_card(model, tmp_path, program, run):
    given = model.export(tmp_path / "given", name="foam", licence="CC0")
    assert np.array_equal(given.sample(2, seed=3), model.sample(2, seed=3))
    assert given.card().startswith("# foam\n") and "CC0" in given.card()
    # as the program writes it
    program("export", "--model", run, "--out", tmp_path / "theirs", "--name", "foam", "--licence", "CC0")
    assert (tmp_path / "theirs" / "README.md").read_text() == given.card()
    assert model.card(name="foam", licence="CC0") == given.card()
    for out, words in [(tmp_path / "given", "exists already"), (run, "exists already")]:
        with pytest.raises(kh.UsageError, match=words):
            model.export(out)
    with pytest.raises(kh.UsageError, match="holds no exported model"):
        model.export(run, overwrite=True)
    model.export(tmp_path / "given", overwrite=True)
    with pytest.raises(kh.UsageError, match="exported model already"):
        given.export(tmp_path / "again")


def test_models_that_come_along():
    for name in kh.models():
        model = kh.Model(name)
        assert model.card().startswith("# ") and model.sample(1, grid=16, evaluations=4).shape == (1, 16, 16)
    with pytest.raises(kh.UsageError, match="builtin:shapes"):
        kh.Model("builtin:foam")


def test_a_published_network_is_imported_from_arrays(tmp_path, program):
    rng = np.random.default_rng(3)
    width, modes, hidden = 4, 3, 8
    state = {"fc0.weight": rng.normal(size=(width, 4)), "fc0.bias": rng.normal(size=width)}
    for i in range(4):
        for half in ("weights1", "weights2"):
            pairs = rng.normal(size=(2, width, width, modes, modes))
            state[f"conv{i}.{half}"] = pairs[0] + 1j * pairs[1]
        state[f"w{i}.weight"] = rng.normal(size=(width, width, 1, 1))
        state[f"w{i}.bias"] = rng.normal(size=width)
    state |= {"fc1.weight": rng.normal(size=(hidden, width)), "fc1.bias": rng.normal(size=hidden)}
    state |= {"fc2.weight": rng.normal(size=(1, hidden)), "fc2.bias": rng.normal(size=1)}
    config = {
        "levels": [{"grid": "12x12", "share": 1.0}],
        "data": {"boundary": "periodic"},
        "prior": {"kind": "bessel", "gamma": 8.0, "power": 0.55},
    }
    model = kh.import_model(state, config=config, out=tmp_path / "x")
    x = model.sample(2, sampler="euler-maruyama", evaluations=4)
    assert x.shape == (2, 12, 12) and np.isfinite(x).all()
    # the same arrays from a file
    tensors = {name: np.asarray(value) for name, value in state.items()}
    path = tmp_path / "state.safetensors"
    _write_safetensors(path, tensors)
    again = kh.import_model(path, config=config, out=tmp_path / "y")
    assert np.array_equal(again.sample(2, sampler="euler-maruyama", evaluations=4), x)
    with pytest.raises(kh.Error):
        kh.import_model({"fc0.weight": np.zeros((2, 2))}, config=config, out=tmp_path / "z")
    with pytest.raises(kh.Error):
        kh.import_model(tmp_path / "none.pt", config=config, out=tmp_path / "z")


def _write_safetensors(path, tensors):
    """Complex numbers as pairs, as this format has them."""
    head, blocks, at = {}, [], 0
    for name, values in tensors.items():
        kind = "C64" if values.dtype.kind == "c" else "F32"
        block = values.astype(np.complex64 if kind == "C64" else np.float32).tobytes()
        head[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [at, at + len(block)]}
        blocks.append(block)
        at += len(block)
    text = json.dumps(head).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(blocks))


def test_a_classifier_reads_classes(tmp_path):
    data = kh.Data("builtin:shapes", count=400)
    heard = []
    classifier = kh.Classifier.train(data, grid=16, steps=150, progress=heard.append)
    assert heard[-1]["done"] == heard[-1]["total"] == 150
    assert classifier.grid == (16, 16) and len(classifier.counts) == 3 and classifier.accuracy > 0.5
    fields = data.held_out((16, 16), count=32)
    read = classifier.read(fields)
    assert read.classes.shape == (32,) and len(read.features) == 32 and set(read.classes) <= {0, 1, 2}
    classifier.save(tmp_path / "shapes.classifier")
    again = kh.Classifier(tmp_path / "shapes.classifier")
    assert np.array_equal(again.read(fields).features, read.features) and "3 classes" in repr(again)
    with pytest.raises(kh.UsageError, match="exists"):
        classifier.save(tmp_path / "shapes.classifier")
    other = data.held_out((16, 16), count=64, training=True)
    labels = again.read(other[:32]).classes
    table = kh.evaluate(other[:32], other, classifier=again, labels=labels)
    assert "as a classifier reads them" in str(table)
    with pytest.raises(kh.UsageError, match="classifier"):
        kh.evaluate(other[:32], other, labels=labels)
    with pytest.raises(kh.UsageError, match="of no classes"):
        kh.Classifier.train("builtin:grains")
    with pytest.raises(kh.UsageError, match="labels"):
        kh.Classifier.train(np.zeros((4, 8, 8)))
    with pytest.raises(kh.StoppedError):
        kh.Classifier.train(data, grid=16, steps=150, progress=lambda told: False)


def test_models_and_samples_are_compared_side_by_side(model, run, program, tmp_path):
    data = kh.Data("builtin:spinodal", count=32)
    real = data.held_out((16, 16), count=40, training=True)
    table = kh.compare({"model": model, "path": run, "real": real}, data, count=24, reference_count=64, evaluations=8)
    assert [row.name for row in table.rows][:3] == ["model", "path", "real"]
    first, second, third = table.rows[:3]
    assert first.statistics == second.statistics != third.statistics
    asked = ["--reference", "builtin:spinodal", "--set", "data.count=32", "--count", 24, "--reference-count", 64]
    told = program("compare", run, *asked, "--evaluations", 8, "--json").stdout
    ours = kh.compare([run], data, count=24, reference_count=64, evaluations=8).to_dict()["rows"][0]
    theirs = json.loads(told)["rows"][0]
    assert ours["energy_distance"] == theirs["energy_distance"]
    with pytest.raises(kh.UsageError):
        kh.compare([], data)


def test_the_spread_of_posteriors_is_checked(model, tmp_path, program, run):
    points = tmp_path / "wells.csv"
    points.write_text("x,y,value,sd\n0.2,0.3,0,0.1\n0.7,0.6,0,0.1\n")
    asked = dict(truths=4, draws=9, gaussian=True, surrogate=True)
    found = kh.calibrate(model, points, **asked, figure=tmp_path / "ranks.png")
    assert found.truths == 4 and len(found.ranks) == 10 and abs(sum(r.value for r in found.ranks) - 1) < 1e-9
    assert "rank histogram" in str(found) and (tmp_path / "ranks.png").stat().st_size > 1000
    typed = ["--truths", 4, "--draws", 9, "--gaussian", "--surrogate"]
    assert program("calibrate", "--model", run, "--observe", points, *typed).stdout.strip() == str(found)
    with pytest.raises(kh.UsageError, match="truths"):
        kh.calibrate(model, points, truths=1)


def test_surfaces_of_phases(tmp_path):
    labels = (SMOOTH.sample(20, grid=(12, 12, 12), boundary="periodic") > 0.2).astype(np.uint8)
    data = kh.Data(labels, phases={"pore": 0, "grain": 1}, boundary="periodic", dim=3)
    model = kh.train(data, levels=[8], steps=2, settings={**SMALL, "training.batch": 2}, out=tmp_path / "x")
    meshes = model.surfaces(2, grid=10, phase="grain", evaluations=4)
    assert len(meshes) == 2
    for mesh in meshes:
        assert mesh.corners.shape[1] == 3 and mesh.triangles.max() < len(mesh.corners) and mesh.area > 0
        # Gauss: the volume is a sum over the triangles
        a, b, c = (mesh.corners[mesh.triangles[:, i]] for i in range(3))
        assert np.isclose(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6, mesh.volume)
    share = (model.sample(2, grid=10, evaluations=4) == 1).mean(axis=(1, 2, 3))
    # lengths are those of the data: cells of the array, twelve along an axis
    assert np.allclose([mesh.volume / 12**3 for mesh in meshes], share, atol=0.1)
    for name in ("x.stl", "x.ply", "x.vtp"):
        meshes[0].write(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    with pytest.raises(kh.Error, match="exists"):
        meshes[0].write(tmp_path / "x.stl")
    held = model.surfaces(1, grid=10, phase="grain", evaluations=4, volume_fraction=("grain", float(labels.mean())))
    assert np.isclose(held[0].volume / 12**3, labels.mean(), atol=0.1)
    with pytest.raises(kh.UsageError, match="phase"):
        model.surfaces(phase="wood")


def test_surfaces_need_phases_and_volumes(model):
    with pytest.raises(kh.UsageError, match="phase"):
        model.surfaces()


def test_arrays_with_names_come_in_and_go_out(model):
    xarray = pytest.importorskip("xarray")
    fields = SMOOTH.sample(24, grid=(12, 10))
    x, y = (np.arange(12) + 0.5) * 0.25, (np.arange(10) + 0.5) * 0.5
    named = xarray.DataArray(fields, dims=("run", "x", "y"), coords={"x": x, "y": y})
    data = kh.Data(named)
    assert (data.count, data.cells) == (24, (12, 10))
    assert np.array_equal(data.held_out(count=2), kh.Data(fields, spacing=(0.25, 0.5)).held_out(count=2))
    real = SMOOTH.sample(60, grid=(12, 10), seed=1)
    assert str(kh.evaluate(named, real)) == str(kh.evaluate(fields, real))
    # channels by their name, wherever they are
    pairs = xarray.DataArray(np.stack([fields, 2 * fields], axis=-1), dims=("run", "x", "y", "channel"))
    both = kh.Data(pairs, dim=2)
    assert (both.channels, both.cells) == (2, (12, 10))
    found = model.samples(3, grid=(16, 12), seed=2, first=5)
    out = found.to_xarray()
    assert out.dims == ("sample", "x", "y") and list(out.coords["sample"].values) == [5, 6, 7]
    assert np.array_equal(out.values, found.fields)
    lengths = [cells * step for cells, step in zip((16, 12), found.spacing)]
    assert np.allclose(out.coords["x"].values, (np.arange(16) + 0.5) / 16 * lengths[0])
    assert model.samples(2, summary=True).to_xarray().shape == (2, 16, 16)


def test_xarray_is_asked_for_late(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match="pip install xarray"):
        model.samples(1).to_xarray()


def test_observations_may_be_a_frame(model, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [0.2, 0.7], "y": [0.3, 0.6], "value": [0.5, -0.4]})
    frame.to_csv(tmp_path / "wells.csv", index=False)
    ours = model.samples(2, observe=frame, report=tmp_path / "posterior")
    assert np.array_equal(ours.fields, model.sample(2, observe=tmp_path / "wells.csv")) and ours.residuals[0].count == 2
    assert list((tmp_path / "posterior").glob("*.png"))


def test_a_page_about_a_model(model, tmp_path):
    model.report(tmp_path / "x.html", count=8, distinguish=False)
    assert (tmp_path / "x.html").read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(kh.UsageError, match="exists"):
        model.report(tmp_path / "x.html", count=8)
    with pytest.raises(kh.UsageError, match="count"):
        model.report(tmp_path / "y.html", count=1)


def test_a_run_says_where_it_stands(run, tmp_path):
    found = kh.status(run)
    assert (found["step"], found["steps"], found["finished"], found["process"]) == (6, 6, True, None)
    assert (found["level"], found["levels"], found["grid"]) == (2, 2, "16x16") and "finished" in str(found)
    with pytest.raises(kh.UsageError, match="no checkpoint"):
        kh.status(tmp_path)
    seen = []

    def look(told):
        if told["kind"] == "step" and told["step"] == 3:
            seen.append(kh.status(tmp_path / "x"))

    asked = dict(levels=[8, 16], steps=6, settings=SMALL, out=tmp_path / "x")
    kh.train(kh.Data("builtin:spinodal", count=32), progress=look, **asked)
    assert seen[0]["process"] and not seen[0]["finished"] and seen[0]["steps"] == 6


def test_tensorboard_reads_what_a_run_tells(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    out = tmp_path / "x"
    settings = {**SMALL, "training.tensorboard": True, "training.validations": 4}
    asked = dict(levels=[8, 16], steps=12, settings=settings, out=out, preview=True)
    data = kh.Data("builtin:spinodal", count=32)

    def until_seven(told):
        return not (told["kind"] == "step" and told["step"] == 7)

    def fails_at_ten(told):
        if told["kind"] == "step" and told["step"] == 10:
            raise KeyError("over")

    kh.train(data, progress=until_seven, **asked)
    with pytest.raises(KeyError):
        kh.train(data, progress=fails_at_ten, **asked)
    # as if the machine had failed: what was told stays, the checkpoint is an older one
    for late in (out / "checkpoints").iterdir():
        if int(late.name) > 7:
            for file in late.iterdir():
                file.unlink()
            late.rmdir()
    kh.train(data, **asked)
    files = sorted((out / "tensorboard").iterdir())
    assert len(files) == 3 and all("tfevents" in file.name for file in files)
    read = accumulator.EventAccumulator(str(out / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    read.Reload()
    told = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    losses = read.Scalars("loss/training")
    assert [event.step for event in losses] == [event["step"] for event in told] == list(range(1, 13))
    assert np.allclose([event.value for event in losses], [event["loss"] for event in told], rtol=1e-6)
    validation = {event["step"]: event["validation_loss"] for event in told if "validation_loss" in event}
    assert {event.step: pytest.approx(event.value, rel=1e-6) for event in read.Scalars("loss/validation")} == validation
    assert [event.value for event in read.Scalars("training/level")] == [0] * 5 + [1] * 7
    names = set(read.Tags()["scalars"])
    assert {"training/learning rate", "training/gradient norm", "loss at 8x8/training", "loss at 16x16/validation"} <= names
    assert [event.step for event in read.Images("preview")] == [5, 12]
    image = read.Images("preview")[-1]
    assert image.encoded_image_string == (out / "preview" / "00000012.png").read_bytes() and image.width > 100
