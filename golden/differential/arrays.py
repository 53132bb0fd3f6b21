"""Small array files in every way their libraries write them, read here and there, compared by value.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 h5py==3.16.0 \
        hdf5plugin netCDF4==1.7.5.1.post1 xarray zarr==3.1.6 numcodecs==0.16.6
    cargo build --release -p karhunen-formats --example values
    venv/bin/python golden/differential/arrays.py FOLDER [--count 400] [--seed 0] [--only hdf5,zarr]

Each case is one file: a shape, a type, a byte order, a layout, a compression, a convention for missing and
packed values, drawn at random from FAMILIES. What h5py, netCDF4, xarray, zarr, NumPy or SciPy read is what
is expected; NaN stands for a missing value. A case may say that it should be refused, with a word of the
reason. Every disagreement is printed; the exit status is their number, 100 at most.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import warnings

import h5py
import hdf5plugin
import netCDF4
import numpy as np
import scipy.io
import xarray as xr
import zarr

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
READER = os.path.join(HERE, "../../target/release/examples/values")
WHOLE = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
FLOAT = ["f2", "f4", "f8"]


def pick(r, options):
    return options[int(r.integers(len(options)))]


def shape(r, least=2, most=3):
    """Lengths of axes: odd, prime, one among them."""
    n = int(r.integers(least, most + 1))
    s = [int(pick(r, [1, 2, 3, 5, 7, 8, 11])) for _ in range(n)]
    if sum(k > 1 for k in s) < 2:
        s[-2:] = [3, 4]
    return tuple(s)


def numbers(r, s, dtype):
    """Numbers that fill a type's range, within what single precision tells apart."""
    d = np.dtype(dtype)
    if d.kind == "b":
        return r.integers(0, 2, s).astype(d)
    if d.kind in "iu":
        i = np.iinfo(d)
        low, high = max(i.min, -(2**24)), min(i.max, 2**24)
        return r.integers(low, high, s, endpoint=True).astype(d)
    v = r.normal(size=s) * pick(r, [1e-3, 1.0, 1e3])
    return v.astype(d)


def order(r, dtype):
    return pick(r, "<>") + dtype if np.dtype(dtype).itemsize > 1 else dtype


def npy(r, place):
    s, d = shape(r), order(r, pick(r, WHOLE + FLOAT + ["?"]))
    a = numbers(r, s, d)
    if r.random() < 0.4:
        a = np.asfortranarray(a)
    kind = pick(r, ["npy", "npz", "npzc"])
    if kind == "npy":
        version = pick(r, [(1, 0), (2, 0), (3, 0)])
        with open(place + ".npy", "wb") as f:
            np.lib.format.write_array(f, a, version)
        return place + ".npy", a, {}
    (np.savez if kind == "npz" else np.savez_compressed)(place + ".npz", field=a)
    return place + ".npz", a, {}


def mat(r, place):
    s, d = shape(r), pick(r, WHOLE + ["f4", "f8", "?"])
    a = numbers(r, s, d)
    many = r.random() < 0.3
    more = {"other": np.ones((3, 2)), "label": "text"} if many else {}
    scipy.io.savemat(place + ".mat", {"x": a, **more}, do_compression=bool(r.random() < 0.5), format="5")
    back = scipy.io.loadmat(place + ".mat")["x"]
    return place + ".mat" + (":x" if many else ""), back, {}


def mat_refused(r, place):
    import scipy.sparse
    value, why = pick(r, [(np.ones((3, 4)) * 1j, "complex"), (scipy.sparse.eye(5).tocsc(), "sparse"),
                          ({"a": 1}, "structure"), ("text", "text"), (np.array([[1, "a"]], dtype=object), "cells")])
    scipy.io.savemat(place + ".mat", {"x": value}, do_compression=bool(r.random() < 0.5))
    return place + ".mat:x", None, {"refused": why}


def chunked(r, s):
    return tuple(int(r.integers(1, n + 1)) for n in s)


HDF5_FILTERS = [
    {}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}, {"compression": "lzf"},
    {"shuffle": True, "fletcher32": True}, {"compression": "lzf", "shuffle": True},
    hdf5plugin.Blosc(), hdf5plugin.Blosc(cname="zstd"), hdf5plugin.Blosc(cname="zlib", shuffle=2),
    hdf5plugin.Blosc(cname="blosclz"), hdf5plugin.Blosc(cname="lz4hc", shuffle=0), hdf5plugin.Bitshuffle(),
    hdf5plugin.Bitshuffle(cname="zstd"), hdf5plugin.Bitshuffle(cname="none"), hdf5plugin.Zstd(), hdf5plugin.LZ4(),
    "szip", "nbit", "scaleoffset",
]
HDF5_REFUSED = [(hdf5plugin.Zfp(reversible=True), "ZFP"), (hdf5plugin.Blosc2(), "Blosc 2"), (hdf5plugin.BZip2(), "bzip2")]


def missing_attributes(r, a, attrs):
    """Marks some numbers as missing and says how they are marked; the mask of missing ones."""
    mark = pick(r, ["none", "_FillValue", "missing_value", "valid_range", "valid_min"])
    gone = np.zeros(a.shape, bool)
    value = a.dtype.type(a.flat[0])
    if mark in ("_FillValue", "missing_value"):
        attrs[mark] = value
        gone = a == value
    elif mark == "valid_range":
        low, high = np.sort(a.ravel())[[a.size // 4, -1 - a.size // 4]]
        attrs[mark] = np.array([low, high], a.dtype)
        gone = (a < low) | (a > high)
    elif mark == "valid_min":
        attrs[mark] = np.median(a).astype(a.dtype)
        gone = a < attrs[mark]
    return gone


def hdf5(r, place):
    s, d = shape(r), order(r, pick(r, WHOLE + FLOAT + ["?"]))
    a = numbers(r, s, d)
    path = place + ".h5"
    keys = pick(r, HDF5_FILTERS)
    layout = pick(r, ["plain", "chunked", "compact"])
    options, t = {}, None
    if keys == "scaleoffset":
        if a.dtype.kind not in "iu" or a.dtype.itemsize > 4:
            a = numbers(r, s, "<u2")
        options = dict(scaleoffset=0, chunks=chunked(r, s))
    elif keys == "szip":
        if a.dtype.kind == "b" or not h5py.h5z.filter_avail(4):
            keys = {}
        else:
            options = dict(compression="szip", chunks=s)
    elif keys == "nbit":
        t = h5py.h5t.py_create(np.dtype("<i2")).copy()
        t.set_precision(12)
    elif keys:
        options = dict(keys, chunks=chunked(r, s))
    elif layout == "chunked":
        options = dict(chunks=chunked(r, s))
    kwargs = dict(libver=pick(r, [None, "latest"]), userblock_size=pick(r, [0, 0, 512, 4096]))
    with h5py.File(path, "w", **kwargs) as h:
        place_in = pick(r, ["x", "g/x", "deep/er/x"])
        if t is not None:
            a = r.integers(-2048, 2047, s).astype("i2")
            p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            p.set_chunk(chunked(r, s))
            p.set_filter(5)
            space = h5py.h5s.create_simple(s)
            i = h5py.h5d.create(h.id, b"x", t, space, p)
            i.write(h5py.h5s.ALL, h5py.h5s.ALL, a)
            place_in = "x"
        else:
            try:
                h.create_dataset(place_in, data=a, **options)
            except (ValueError, TypeError):
                h.create_dataset(place_in, data=a)
        attrs = h[place_in].attrs
        more = {}
        gone = missing_attributes(r, a, more) if a.dtype.kind in "iuf" else np.zeros(a.shape, bool)
        for k, v in more.items():
            attrs[k] = v
        expected = h[place_in][:].astype("f8")
        if a.dtype.kind in "iu" and r.random() < 0.2:
            attrs["scale_factor"], attrs["add_offset"] = 0.01, 5.0
            expected = expected * 0.01 + 5
        expected[gone] = np.nan
    return path, expected, {}


def hdf5_bits(r, place):
    """Whole numbers in part of their bytes, and floats of unusual layouts."""
    s, path = shape(r), place + ".h5"
    kind = pick(r, ["whole", "bfloat16", "float24", "e5m2", "long"])
    with h5py.File(path, "w") as h:
        if kind == "whole":
            size = pick(r, [1, 2, 4, 8])
            signed = bool(r.integers(2))
            t = h5py.h5t.py_create(np.dtype(f"{pick(r, '<>')}{'i' if signed else 'u'}{size}")).copy()
            precision = int(r.integers(2, 8 * size + 1))
            t.set_precision(precision)
            t.set_offset(int(r.integers(0, 8 * size - precision + 1)))
            bits = min(precision, 24)
            low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
            a = r.integers(low, high, s, endpoint=True).astype("i8")
        else:
            base, size, fields, bias = {
                "bfloat16": ("<f4", 2, (15, 7, 8, 0, 7), 127), "float24": ("<f4", 3, (23, 16, 7, 0, 16), 63),
                "e5m2": ("<f4", 1, (7, 2, 5, 0, 2), 15), "long": ("<f8", 16, (127, 112, 15, 0, 112), 16383),
            }[kind]
            t = h5py.h5t.py_create(np.dtype(base)).copy()
            if kind == "long":
                t.set_size(size)
                t.set_precision(8 * size)
                t.set_fields(*fields)
            else:
                t.set_fields(*fields)
                t.set_precision(8 * size)
                t.set_size(size)
            t.set_ebias(bias)
            t.set_order(h5py.h5t.ORDER_BE if r.integers(2) else h5py.h5t.ORDER_LE)
            a = r.normal(size=s)
        i = h5py.h5d.create(h.id, b"x", t, h5py.h5s.create_simple(s))
        i.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(a))
        back = np.empty(s, "f8")
        i.read(h5py.h5s.ALL, h5py.h5s.ALL, back)
    return path, back, {}


def hdf5_matlab(r, place):
    """What save -v7.3 writes: reversed axes behind a user block."""
    s, d = shape(r), pick(r, ["f8", "f4", "i2", "u1"])
    a, path = numbers(r, s, d), place + ".mat"
    with h5py.File(path, "w", userblock_size=512) as h:
        x = h.create_dataset("x", data=np.ascontiguousarray(a.T))
        x.attrs["MATLAB_class"] = np.bytes_({"f8": "double", "f4": "single", "i2": "int16", "u1": "uint8"}[d])
        h.create_group("#refs#").create_dataset("a", data=np.ones((4, 4)))
    with open(path, "r+b") as f:
        f.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path, a, {}


def hdf5_refused(r, place):
    s, path = shape(r), place + ".h5"
    a = numbers(r, s, "f4")
    kind = pick(r, ["filter", "virtual", "external", "link", "complex", "record", "list", "text"])
    why = kind
    with h5py.File(path, "w") as h:
        if kind == "filter":
            keys, why = pick(r, HDF5_REFUSED)
            h.create_dataset("x", data=np.tile(a.ravel(), 4).reshape(-1, a.size), chunks=(2, a.size), **keys)
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape=s, dtype="f4")
            layout[...] = h5py.VirtualSource(place + "-source.h5", "x", shape=s)
            h.create_virtual_dataset("x", layout)
        elif kind == "external":
            a.tofile(place + ".bin")
            h.create_dataset("x", s, "f4", external=[(place + ".bin", 0, a.nbytes)])
            why = "another file"
        elif kind == "link":
            h["x"] = h5py.ExternalLink(os.path.basename(place) + "-other.h5", "x")
            why = "another one"
        elif kind == "complex":
            h["x"] = a.astype("c8")
        elif kind == "record":
            h["x"] = np.zeros(s, [("a", "f4"), ("b", "i4")])
        elif kind == "list":
            h.create_dataset("x", s, h5py.vlen_dtype("f4"))
        else:
            h["x"] = np.full(s, b"abc")
    return path + ":x", None, {"refused": why}


def netcdf(r, place):
    s, path = shape(r), place + ".nc"
    form = pick(r, ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4", "NETCDF4_CLASSIC"])
    small = form.startswith("NETCDF3_C") or form.endswith("OFFSET") or form == "NETCDF4_CLASSIC"
    d = pick(r, ["i1", "i2", "i4", "f4", "f8"] if small else WHOLE + ["f4", "f8"])
    unlimited = r.random() < 0.3
    a = numbers(r, s, d)
    with netCDF4.Dataset(path, "w", format=form) as n:
        names = [f"d{i}" for i in range(len(s))]
        for i, (name, k) in enumerate(zip(names, s)):
            n.createDimension(name, None if unlimited and i == 0 else k)
        mark = pick(r, ["none", "_FillValue", "missing_value", "missing_values", "valid_range", "valid_min", "valid_max", "unwritten"])
        fill = a.flat[0] if mark == "_FillValue" else None
        zipped = form.startswith("NETCDF4") and r.random() < 0.5
        v = n.createVariable("x", d, names, fill_value=fill, zlib=zipped, shuffle=bool(r.integers(2)),
                             endian=pick(r, ["little", "big"]) if form == "NETCDF4" else "native")
        if mark == "missing_value":
            v.missing_value = a.flat[-1]
        elif mark == "missing_values" and not small:
            v.missing_value = np.unique(a.ravel()[:2])
        elif mark == "valid_range":
            v.valid_range = np.sort(a.ravel())[[a.size // 4, -1 - a.size // 4]].astype(d)
        elif mark in ("valid_min", "valid_max"):
            setattr(v, mark, np.sort(a.ravel())[a.size // 2].astype(d))
        if np.dtype(d).kind in "iu" and r.random() < 0.4:
            v.scale_factor, v.add_offset = pick(r, [(0.01, 10.0), (np.float32(0.5), np.float32(-3)), (-2.0, 0.0)])
        if d in ("i1", "i2", "i4") and form == "NETCDF4" and r.random() < 0.3:
            v.setncattr("_Unsigned", "true")
        v.set_auto_maskandscale(False)
        if unlimited:
            v[0 : s[0]] = a
        elif mark == "unwritten" and s[0] > 1:
            v[1:] = a[1:]
        else:
            v[:] = a
    with netCDF4.Dataset(path) as n:
        x = n["x"]
        x.set_always_mask(True)
        back = np.ma.filled(x[:].astype("f8"), np.nan)
    return path, back, {}


def netcdf_axes(r, place):
    """Even coordinates with units: the spacing."""
    s = (3, int(r.integers(3, 9)), int(r.integers(3, 9)))
    h = [float(pick(r, [0.5, 2.0, 0.1])), float(pick(r, [1.0, 0.25, 3.0]))]
    a = numbers(r, s, "f4")
    down = bool(r.integers(2))
    lat = np.arange(s[1]) * h[0] - 7
    ds = xr.Dataset({"t": (("time", "y", "x"), a)},
                    coords={"time": np.arange(3), "y": lat[::-1] if down else lat, "x": np.arange(s[2]) * h[1]})
    ds.y.attrs["units"] = ds.x.attrs["units"] = "km"
    ds.t.attrs["units"] = "K"
    path = place + ".nc"
    ds.to_netcdf(path, format=pick(r, ["NETCDF4", "NETCDF3_64BIT"]), encoding={"t": {"_FillValue": None}})
    return path, a, {"spacing": h, "length": "km", "unit": "K"}


def to_xarray(r, place):
    """What xarray writes: missing values and packing in its own way, by all its engines."""
    s = (3, 5, int(r.integers(2, 8)))
    v = numbers(r, s, pick(r, ["f4", "f8"]))
    v[r.random(s) < 0.2] = np.nan
    v.flat[0] = 1.0
    ds = xr.Dataset({"x": (("t", "y", "x_"), v)})
    most = float(np.nanmax(np.abs(v))) or 1.0
    encoding = pick(r, [{}, {"_FillValue": -9999.0}, {"dtype": "f4", "_FillValue": 1e20},
                        {"dtype": "i2", "scale_factor": most / 3e4, "add_offset": 0.1 * most, "_FillValue": -32767},
                        {"dtype": "u1", "scale_factor": most / 100, "add_offset": -most, "_FillValue": 255}])
    kind = pick(r, ["zarr2", "zarr3", "netcdf4", "netcdf3"])
    if kind == "netcdf3" and encoding.get("dtype") == "u1":
        encoding = {}
    if kind.startswith("zarr"):
        path = place + ".zarr"
        shutil.rmtree(path, ignore_errors=True)
        ds.to_zarr(path, zarr_format=int(kind[-1]), encoding={"x": encoding}, consolidated=bool(r.integers(2)))
        back = xr.open_zarr(path).x.values
    else:
        path = place + ".nc"
        ds.to_netcdf(path, format=pick(r, ["NETCDF4"] if kind == "netcdf4" else ["NETCDF3_CLASSIC", "NETCDF3_64BIT"]),
                     encoding={"x": encoding})
        back = xr.open_dataset(path).x.values
    return path, back, {}


def zarr_any(r, place):
    s, d = shape(r), order(r, pick(r, WHOLE + FLOAT + ["?"]))
    a = numbers(r, s, d)
    form = int(pick(r, [2, 3]))
    path = place + ".zarr"
    shutil.rmtree(path, ignore_errors=True)
    import numcodecs
    two = [None, numcodecs.Blosc(), numcodecs.Zlib(), numcodecs.GZip(), numcodecs.Zstd(), numcodecs.LZ4(),
           numcodecs.Blosc("zstd", shuffle=2), numcodecs.Blosc("blosclz", shuffle=0)]
    three = [None, zarr.codecs.GzipCodec(), zarr.codecs.ZstdCodec(), zarr.codecs.BloscCodec(),
             zarr.codecs.BloscCodec(cname="zlib", shuffle="bitshuffle")]
    chunks = chunked(r, s)
    more = {}
    if form == 2:
        more = dict(order=pick(r, "CF"), filters=pick(r, [None, [numcodecs.Shuffle(a.dtype.itemsize)]]))
        more["chunk_key_encoding"] = dict(name="v2", separator=pick(r, "./"))
    else:
        if r.random() < 0.3:
            more["shards"] = tuple(c * int(r.integers(1, 3)) for c in chunks)
        if d[0] == ">":
            more["serializer"] = zarr.codecs.BytesCodec(endian="big")
    fill = pick(r, [0, None if form == 2 else 0, 1])
    z = zarr.create_array(path, shape=s, dtype=d, chunks=chunks, zarr_format=form, fill_value=fill,
                          compressors=pick(r, two if form == 2 else three), **more)
    if r.random() < 0.3 and s[0] > 1:
        z[1:] = a[1:]
    else:
        z[:] = a
    return path, zarr.open_array(path, mode="r")[:], {}


FAMILIES = {
    "npy": [npy], "mat": [mat, mat, mat, mat_refused], "hdf5": [hdf5, hdf5, hdf5_bits, hdf5_matlab, hdf5_refused],
    "netcdf": [netcdf, netcdf, netcdf_axes], "xarray": [to_xarray], "zarr": [zarr_any],
}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--count", type=int, default=400, help="files of each family")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--only", default=",".join(FAMILIES))
    p.add_argument("--reader", default=READER)
    args = p.parse_args()
    os.makedirs(args.folder, exist_ok=True)
    cases, skipped = [], {}
    for family in args.only.split(","):
        for i in range(args.count):
            r = np.random.default_rng([args.seed, i, sum(family.encode())])
            make = FAMILIES[family][i % len(FAMILIES[family])]
            place = os.path.join(args.folder, f"{family}-{i}")
            try:
                cases.append((make.__name__, *make(r, place)))
            except Exception as e:  # a combination that the library itself refuses to write
                key = f"{make.__name__}: {type(e).__name__} {str(e)[:70]}"
                skipped[key] = skipped.get(key, 0) + 1
    lines = "".join(f"{address}\t{expected.ndim - 1 if expected is not None else ''}\n" for _, address, expected, _ in cases)
    if args.reader == "none":
        print(len(cases), "files", skipped)
        return
    done = subprocess.run([args.reader], input=lines, capture_output=True, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if len(found) != len(cases):
        sys.exit(f"the reader stopped at {cases[len(found)][1]}: {done.stderr[-400:]}")
    wrong, agreed, refused = {}, 0, 0
    for (kind, address, expected, said), got in zip(cases, found):
        problem = compare(expected, said, got)
        if problem:
            wrong.setdefault(f"{kind}: {problem[0]}", []).append(f"{address} {problem[1]}")
        elif "refused" in said:
            refused += 1
        else:
            agreed += 1
    for key, count in sorted(skipped.items()):
        print(f"not written by its library, {count} times: {key}")
    for key, places in sorted(wrong.items()):
        print(f"{len(places)} × {key}\n    {places[0]}")
    total = sum(map(len, wrong.values()))
    print(f"{len(cases)} files: {agreed} agree by value, {refused} refused with their reason, {total} disagree")
    sys.exit(min(total, 100))


def compare(expected, said, got):
    if "refused" in said:
        error = got.get("error", "")
        return None if said["refused"] in error else ("not refused as it should be", error or "read")
    if "error" in got:
        return "refused", got["error"]
    values = np.array([np.nan if v is None else v for v in got["values"]], "f8")
    expected = np.asarray(expected).astype("f8").ravel()
    if values.size != expected.size:
        return "another number of values", f"{got['shape']}"
    if not np.array_equal(np.isnan(values), np.isnan(expected)):
        at = int(np.argmax(np.isnan(values) != np.isnan(expected)))
        return "other values are missing", f"value {at} is {values[at]}, not {expected[at]} ({got['notes']})"
    scale = np.nanmax(np.abs(expected)) if np.isfinite(expected).any() else 1.0
    near = np.isnan(expected) | (np.abs(values - expected) <= 2e-7 * (np.abs(expected) + scale))
    if not near.all():
        at = int(np.argmin(near))
        return "another value", f"value {at} is {values[at]}, not {expected[at]} ({got['notes']})"
    for key in ("spacing", "length", "unit"):
        if key in said:
            same = np.allclose(said[key], got[key] or [0], rtol=1e-4) if key == "spacing" else said[key] == got[key]
            if not same:
                return f"another {key}", f"{got[key]}, not {said[key]}"
    return None


if __name__ == "__main__":
    main()
