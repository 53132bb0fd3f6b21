"""Larger boxes, attributes, given fields, likelihoods, distilled models."""

import numpy as np
import pytest

import karhunen as kh
from conftest import SMALL


def test_a_larger_box_is_that_of_the_program(program, tmp_path):
    model = kh.Model("builtin:spinodal")
    wide = model.sample(1, grid=(32, 64), seed=2, box=(1, 2), evaluations=4, calibration="none", dtype=np.float32)
    out = tmp_path / "wide.npy"
    options = ["--box", "1x2", "--grid", "32x64", "--seed", 2, "--evaluations", 4, "--calibration", "none"]
    program("sample", "--model", "builtin:spinodal", "--count", 1, "--out", out, *options)
    assert np.array_equal(np.load(out).reshape(wide.shape), wide)
    ring = model.sample(1, grid=(32, 64), seed=2, box=(1, 2), periodic=("y",), evaluations=4, calibration="none")
    assert ring.shape == (1, 32, 64) and not np.array_equal(ring, wide)
    with pytest.raises(kh.UsageError, match="go with box"):
        model.sample(1, periodic=True)
    with pytest.raises(kh.UsageError, match="overlap"):
        model.sample(1, box=2, overlap=0.7)


def test_attributes_are_asked_for(tmp_path):
    data = kh.Data("builtin:grains", count=32, phases={"pore": 0, "grain": 1})
    settings = {**SMALL, "data.attributes": "volume-fraction"}
    model = kh.train(data, levels=[8, 16], steps=6, settings=settings, out=tmp_path / "x")
    half, free = model.sample(2, attributes={"pore": 0.5}), model.sample(2, calibration="none")
    assert half.shape == free.shape and half.dtype == np.uint8
    with pytest.raises(kh.UsageError, match="training fields have"):
        model.sample(1, attributes={"pore": 0.999})
    with pytest.raises(kh.UsageError, match="does not know it"):
        model.sample(1, attributes={"depth": 0.5})


def test_fields_are_given_as_arrays_or_files(tmp_path):
    data = kh.Data("builtin:fitzhugh-nagumo", count=24)
    settings = {**SMALL, "data.condition": [1]}
    model = kh.train(data, levels=[8, 16], steps=6, settings=settings, out=tmp_path / "x")
    beside = kh.prior.Matern(length=0.2, smoothness=1.5).sample(2, grid=(16, 16)).astype(np.float32)
    np.save(tmp_path / "v.npy", beside)
    given = model.sample(3, condition=beside, seed=4)
    assert np.array_equal(given, model.sample(3, condition=tmp_path / "v.npy", seed=4))
    assert not np.array_equal(given, model.sample(3, condition=beside[::-1], seed=4))
    with pytest.raises(kh.UsageError, match="not trained beside"):
        kh.Model("builtin:spinodal").sample(1, condition=beside)


def test_likelihoods_are_those_of_the_program(model, run, program):
    import json

    found = kh.likelihood(model, "builtin:spinodal", count=2, steps=3, against="builtin:spinodal")
    assert found.data.values.shape == (2,) and found.data.errors is not None
    assert found.auc == 0.5 and found.against is not None
    said = program("likelihood", "--model", run, "builtin:spinodal", "--count", 2, "--steps", 3, "--json", "--quiet")
    assert np.allclose(json.loads(said.stdout)["data"]["values"], found.data.values, rtol=1e-12)
    with pytest.raises(kh.UsageError, match="at least 1"):
        kh.likelihood(model, "builtin:spinodal", steps=0)


def test_a_distilled_model_is_that_of_the_program(run, program, tmp_path):
    heard = []
    fast = kh.distil(run, evaluations=2, trajectories=6, out=tmp_path / "fast", progress=heard.append)
    assert [told["step"] for told in heard if told["kind"] == "step"] == [1, 2, 3]
    program("distil", run, "--evaluations", 2, "--trajectories", 6, "--out", tmp_path / "same")
    fields = fast.sample(2, seed=3)
    assert np.array_equal(fields, kh.Model(tmp_path / "same").sample(2, seed=3))
    # the same call goes on with what is there
    assert np.array_equal(fields, kh.distil(run, evaluations=2, trajectories=6, out=tmp_path / "fast").sample(2, seed=3))
    with pytest.raises(kh.UsageError, match="distilled to 2 evaluation"):
        fast.sample(1, evaluations=20)
    with pytest.raises(kh.UsageError, match="between 1 and 64"):
        kh.distil(run, evaluations=0, out=tmp_path / "other")
    with pytest.raises(kh.UsageError, match="was distilled itself"):
        kh.distil(fast, out=tmp_path / "other")
