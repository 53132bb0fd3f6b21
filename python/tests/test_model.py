"""Models, training, and work that is stopped."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import karhunen as kh
from conftest import SMALL
from karhunen import _core


def test_a_model_tells_what_it_is(model, run):
    assert (model.grid, model.levels, model.channels) == ((16, 16), [(8, 8), (16, 16)], 1)
    assert (model.classes, model.phases, model.steps, model.boundary) == ([], [], 6, "neumann")
    assert model.path == str(run) and "8×8, 16×16" in repr(model)
    assert "[training]" in model.config


def test_one_seed_is_one_function_on_every_grid(model):
    own, again, fine = model.sample(3, seed=4), model.sample(3, seed=4), model.sample(3, grid=48, seed=4)
    assert own.shape == (3, 16, 16) and fine.shape == (3, 48, 48) and own.dtype == np.float64
    assert np.array_equal(own, again) and not np.array_equal(own, model.sample(3, seed=5))
    assert np.array_equal(own[1:], model.sample(2, seed=4, first=1))
    assert own.flags["C_CONTIGUOUS"] and own.flags["WRITEABLE"]


def test_single_precision_makes_the_same_fields(model):
    double, single = (model.sample(2, grid=40, seed=4, precision=p) for p in ("f64", "f32"))
    assert np.array_equal(double, model.sample(2, grid=40, seed=4)) and single.dtype == np.float64
    error = np.abs(double - single).max() / double.std()
    assert 0 < error < 1e-3


def test_sharpness_is_the_models_own_unless_asked_for(model):
    own, one, sharp = (model.sample(2, seed=4, calibration="none", sharpness=w) for w in (None, 1.1, 1.3))
    assert np.array_equal(own, one) and not np.array_equal(own, sharp)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1}, {"seed": 1.5}, {"count": -1}, {"count": 2.5}, {"grid": ()}, {"grid": (4, 4, 4, 4)}, {"grid": (0, 4)},
        {"dtype": "int32"}, {"sampler": "none-such"}, {"evaluations": 0}, {"band": "wide"}, {"calibration": "perhaps"},
        {"sharpness": 4}, {"sharpness": float("nan")}, {"precision": "f16"}, {"precision": "f32", "surrogate": True},
        {"guidance": float("nan")}, {"volume_fraction": 0.3}, {"volume_fraction": 2}, {"particles": 4},
        {"observe": "no/such.csv"}, {"guidance_order": 3}, {"refine": [(32, 0.5)]}, {"grid": 10**6, "count": 10**6},
    ],
)
def test_options_that_are_wrong_are_one_error(model, options):
    with pytest.raises(kh.Error) as raised:
        model.sample(**{"count": 2, **options})
    assert "\n" not in raised.value.message and raised.value.help
    assert isinstance(raised.value, ValueError)


def test_a_panic_is_an_exception_and_ends_nothing():
    with pytest.raises(kh.Error, match="internal error: asked to"):
        _core._panic()
    assert kh.prior.Matern(0.2, 1.5).sample(1, (8, 6)).shape == (1, 8, 6)


def test_exceptions_can_be_sent_to_other_processes():
    error = kh.DataError("what", "do")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kh.DataError and str(back) == "what\nhelp: do"


def test_training_tells_its_steps_and_stops_when_told(tmp_path):
    heard = []

    def until_three(told):
        if told["kind"] == "step":
            heard.append((told["step"], told["total"], told["loss"]))
            return told["step"] < 3

    data = kh.Data("builtin:spinodal", count=32)
    asked = dict(levels=[8, 16], steps=6, settings=SMALL, out=tmp_path / "x", seed=1)
    model = kh.train(data, progress=until_three, **asked)
    assert [step for step, *_ in heard] == [1, 2, 3] and heard[0][1] == 6 and model.steps == 3
    # the same call goes on, and ends where a run without a pause does
    rest = []
    model = kh.train(data, progress=lambda told: rest.append(told.get("step")) if told["kind"] == "step" else None, **asked)
    assert rest == [4, 5, 6] and model.steps == 6
    whole = kh.train(data, **{**asked, "out": tmp_path / "y"})
    assert np.array_equal(model.sample(2), whole.sample(2))


def test_progress_is_a_line_on_standard_error(tmp_path, model, capsys):
    kh.train(kh.Data("builtin:spinodal", count=32), levels=[8], steps=2, settings=SMALL, out=tmp_path / "x", progress=True)
    assert "step 2 of 2 at 8x8, loss" in capsys.readouterr().err
    model.sample(2, progress=True)
    assert "sampling: " in capsys.readouterr().err
    with pytest.raises(TypeError):
        model.sample(2, progress=3)


def test_a_run_that_has_ended_goes_on_for_longer(tmp_path):
    data = kh.Data("builtin:spinodal", count=32)
    asked = dict(levels=[8], steps=2, settings=SMALL, out=tmp_path / "x")
    assert kh.train(data, **asked).steps == 2
    assert kh.train(data, **asked, more=3).steps == 5
    with pytest.raises(kh.UsageError, match="more"):
        kh.train(data, **asked, more="30 parsecs")


def test_an_exception_of_the_callable_stops_and_saves(tmp_path):
    def fails(told):
        if told["kind"] == "step" and told["step"] == 2:
            raise KeyError("mine")

    asked = dict(levels=[8], steps=4, settings=SMALL, out=tmp_path / "x")
    with pytest.raises(KeyError, match="mine"):
        kh.train(kh.Data("builtin:spinodal", count=32), progress=fails, **asked)
    assert kh.Model(tmp_path / "x").steps == 2


def test_ctrl_c_stops_saves_and_the_run_goes_on(tmp_path):
    script = textwrap.dedent(
        """
        import sys, karhunen as kh
        data = kh.Data("builtin:spinodal", count=32)
        small = {"network.width": [8], "network.blocks": [2], "training.batch": 4}
        def told(event):
            if event["kind"] == "step":
                print(event["step"], flush=True)
        listen = told if sys.argv[2] == "loud" else None
        print("ready", flush=True)
        try:
            kh.train(data, levels=[8], steps=int(sys.argv[3]), settings=small, out=sys.argv[1], progress=listen)
        except KeyboardInterrupt:
            print("interrupted", kh.Model(sys.argv[1]).steps, flush=True)
        """
    )
    out = tmp_path / "x"
    child = subprocess.Popen([sys.executable, "-c", script, str(out), "loud", "100000"], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if line.strip() == "4":
            break
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    last = rest.split("\n")[-2]
    assert last.startswith("interrupted ") and int(last.split()[1]) >= 4
    # goes on where it stopped, and stops without a listener, too
    before = int(last.split()[1])
    child = subprocess.Popen([sys.executable, "-c", script, str(out), "quiet", "100000"], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().strip() == "ready"
    time.sleep(3)
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    assert rest.startswith("interrupted ") and int(rest.split()[1]) > before


def test_sampling_can_be_stopped(model):
    with pytest.raises(kh.StoppedError):
        model.sample(64, grid=64, evaluations=50, progress=lambda told: False)
    begun = time.monotonic()
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        model.sample(10_000, grid=64, evaluations=1000)
    assert time.monotonic() - begun < 60


def test_the_interpreter_is_free_while_it_computes(model):
    ticks, done = [], threading.Event()

    def count():
        while not done.wait(0.005):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=count)
    thread.start()
    begun = time.monotonic()
    model.sample(64, grid=64, evaluations=20)
    spent = time.monotonic() - begun
    done.set()
    thread.join()
    assert len(ticks) > 10 * min(spent, 1.0)


def test_several_threads_sample_the_same(model):
    expected, found = model.sample(4, seed=3), []
    threads = [threading.Thread(target=lambda: found.append(model.sample(4, seed=3))) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 4 and all(np.array_equal(one, expected) for one in found)


def test_an_array_is_kept_in_the_run(tmp_path):
    fields = kh.prior.Matern(0.2, 1.5).sample(24, grid=16)
    asked = dict(levels=[8], settings=SMALL, out=tmp_path / "x")
    kh.train(fields, steps=2, **asked)
    assert (tmp_path / "x" / "data.npy").is_file()
    assert kh.train(fields, steps=2, **asked).steps == 2
    with pytest.raises(kh.UsageError, match="holds other data"):
        kh.train(fields + 1, steps=2, **asked)


def test_a_configuration_may_be_a_dictionary_a_text_or_a_file(tmp_path):
    data = kh.Data("builtin:spinodal", count=32)
    table = {"network": {"width": [8], "blocks": [2]}, "training": {"steps": 2, "batch": 4}}
    table["levels"] = [{"grid": "8x8", "share": 1.0}]
    text = '[network]\nwidth = [8]\nblocks = [2]\n[training]\nsteps = 2\nbatch = 4\n[[levels]]\ngrid = "8x8"\nshare = 1.0\n'
    (tmp_path / "run.toml").write_text(text)
    (tmp_path / "whole.toml").write_text(text + '[data]\nsource = "builtin:spinodal"\ncount = 32\n')
    configs = {"a": table, "b": text, "c": tmp_path / "run.toml"}
    models = [kh.train(data, config=config, out=tmp_path / name) for name, config in configs.items()]
    models.append(kh.train(config=tmp_path / "whole.toml", out=tmp_path / "d"))
    assert all(np.array_equal(m.sample(2), models[0].sample(2)) for m in models)
    for wrong in ({"trainig": {}}, "[training]\nsteps = \n", {"training": {"steps": "many"}}, tmp_path / "none.toml"):
        with pytest.raises(kh.UsageError) as raised:
            kh.train(data, config=wrong, out=tmp_path / "e")
        assert "\n" not in raised.value.message


def test_what_a_training_cannot_do_is_one_error(tmp_path, run):
    data, out = kh.Data("builtin:spinodal", count=32), tmp_path / "x"
    wrong = [{"steps": 1, "minutes": 1}, {"steps": 0}, {"seconds": -1}, {"steps": 2, "levels": [0]}, {"device": "abacus"},
             {"steps": 2, "levels": [16, 8]}, {"settings": {"training.stepz": 1}}]
    for options in wrong:
        with pytest.raises(kh.UsageError) as raised:
            kh.train(data, **{"out": out, **options})
        assert "\n" not in raised.value.message
    with pytest.raises(kh.UsageError, match="no data"):
        kh.train(out=out)
    with pytest.raises(kh.Error, match="run"):
        kh.train(data, levels=[8], steps=2, settings=SMALL, out=run)


def test_paths_may_be_objects(run, model):
    assert np.array_equal(kh.Model(Path(run)).sample(1), model.sample(1))
