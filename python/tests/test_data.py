"""Arrays of every layout and kind: right, or one clear error."""

import numpy as np
import pytest

import karhunen as kh

rng = np.random.default_rng(0)
FIELDS = rng.normal(size=(24, 12, 10))


def layouts():
    big = np.zeros((24, 24, 20))
    big[:, ::2, ::2] = FIELDS
    yield "as it is", FIELDS
    yield "Fortran", np.asfortranarray(FIELDS)
    yield "transposed", np.ascontiguousarray(FIELDS.transpose(2, 1, 0)).transpose(2, 1, 0)
    yield "negative strides", np.ascontiguousarray(FIELDS[::-1, ::-1, ::-1])[::-1, ::-1, ::-1]
    yield "every second", big[:, ::2, ::2]
    yield "big-endian", FIELDS.astype(">f8")
    yield "read-only", np.frombuffer(FIELDS.tobytes()).reshape(FIELDS.shape)
    yield "list", FIELDS.tolist()


@pytest.mark.parametrize("name, array", list(layouts()), ids=[name for name, _ in layouts()])
def test_every_layout_is_the_same_data(name, array):
    real = kh.prior.Matern(0.2, 1.5).sample(60, grid=(12, 10))
    assert str(kh.evaluate(array, real)) == str(kh.evaluate(FIELDS, real))
    data, plain = kh.Data(array), kh.Data(FIELDS)
    assert (data.count, data.cells, data.channels) == (24, (12, 10), 1)
    assert np.array_equal(data.held_out(count=2), plain.held_out(count=2))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u1", "i2", "i4", "i8", "?"])
def test_every_type_of_real_numbers_is_read(dtype):
    array = (10 * FIELDS).astype(dtype) if dtype != "?" else FIELDS > 0
    held = kh.Data(array).held_out(count=2)
    assert held.shape == (2, 12, 10) and held.dtype == np.float64
    assert kh.Data(array).held_out(count=2, dtype=np.float32).dtype == np.float32


def test_held_out_fields_are_fields_of_the_data():
    held = kh.Data(FIELDS).held_out(count=24)
    parts = np.concatenate([held, kh.Data(FIELDS).held_out(count=24, training=True)])
    assert len(parts) == 24
    for field in parts:
        assert np.min(np.abs(FIELDS - field).max(axis=(1, 2))) < 1e-5


WRONG = {
    "complex": FIELDS * 1j,
    "text": np.array(["a", "b"]),
    "objects": np.array([object()]),
    "ragged": [[1.0], [1.0, 2.0]],
    "empty": np.zeros((0, 8, 8)),
    "no cell": np.zeros((8, 0, 8)),
    "a number": 3.0,
    "too many axes": np.zeros((2, 2, 2, 2, 2, 2, 2)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_data_is_one_error(name):
    for attempt in (lambda: kh.Data(WRONG[name]), lambda: kh.evaluate(WRONG[name], FIELDS)):
        with pytest.raises((kh.DataError, kh.UsageError)) as raised:
            attempt()
        assert "\n" not in raised.value.message and raised.value.help


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_one_error(value, model):
    bad = FIELDS.copy()
    bad[3, 2, 1] = value
    with pytest.raises(kh.DataError, match="1 of 2880 values"):
        kh.evaluate(bad, FIELDS)
    with pytest.raises(kh.DataError, match="1 of 2880 values"):
        kh.evaluate(FIELDS, bad)
    with pytest.raises(kh.DataError) as raised:
        kh.Data(bad).held_out(count=24, training=True)
    assert "\n" not in raised.value.message
    if np.isnan(value):
        masked = kh.Data(bad, missing="drop")
        assert np.isfinite(masked.held_out(count=24, training=True)).all()


def test_shapes_that_do_not_go_together_are_one_error(model):
    for samples, reference in [(FIELDS, FIELDS[0]), (FIELDS[:1], FIELDS), (FIELDS, np.zeros((24, 12, 10)))]:
        with pytest.raises(kh.Error) as raised:
            kh.evaluate(samples, reference)
        assert "\n" not in raised.value.message
    with pytest.raises(kh.DataError, match="channels"):
        kh.evaluate(np.zeros((4, 3, 8, 8)), "builtin:spinodal", model=model)


def test_channels_are_the_second_axis():
    pairs = rng.normal(size=(20, 2, 8, 8))
    data = kh.Data(pairs, channels=2, dim=2)
    assert (data.channels, data.cells) == (2, (8, 8))
    assert data.held_out(count=2).shape[1:] == (2, 8, 8)
    table = kh.evaluate(pairs, rng.normal(size=(40, 2, 8, 8)), dim=2)
    assert any(s.name == "cross-channel" for s in table.rows[0].statistics)


@pytest.mark.parametrize(
    "keys",
    [
        {"patch": 64}, {"patch": (0, 4)}, {"patch": (1.5, 2)}, {"boundary": "round"}, {"count": 0}, {"count": -1},
        {"missing": "perhaps"}, {"phases": 1}, {"no_such_key": 1}, {"spacing": [1, 2, 3, 4]}, {"labels": "no/such"},
    ],
)
def test_keys_that_are_wrong_are_one_error(keys):
    with pytest.raises(kh.Error) as raised:
        kh.Data(FIELDS, **keys).held_out(count=2)
    assert "\n" not in raised.value.message


def test_unknown_keys_name_the_nearest_one():
    with pytest.raises(kh.UsageError, match="did you mean `boundary`"):
        kh.Data("builtin:grains", boundry="periodic")


def test_built_in_data_and_levels():
    data = kh.Data("builtin:spinodal")
    assert (data.cells, data.channels, data.count) == ((128, 128), 1, None)
    assert data.levels() == [(16, 16), (32, 32), (64, 64)]
    assert "spinodal" in repr(data)
