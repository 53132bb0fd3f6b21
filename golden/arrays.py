"""Small arrays whose numbers mean something else than their bytes: as instruments, MATLAB, netCDF4 and xarray write them.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 h5py==3.16.0 hdf5plugin \
        netCDF4==1.7.5.1.post1 xarray zarr==3.1.6
    venv/bin/python golden/arrays.py crates/formats/tests/odd

Writes the files and `expected.json`: for each address the shape and values that the library reads which users
read such files with (null where a value is missing), the spacing where there is one, or a word of the
reason why it is refused. golden/differential/arrays.py draws many more.
"""

import json
import os
import shutil
import sys
import zipfile

import h5py
import hdf5plugin
import netCDF4
import numpy as np
import scipy.io
import scipy.sparse
import xarray as xr

shutil.rmtree(sys.argv[1], ignore_errors=True)
os.makedirs(sys.argv[1])
os.chdir(sys.argv[1])
r = np.random.default_rng(0)
a = r.integers(0, 2000, (3, 4, 5)).astype("u2")
f = (r.normal(size=(3, 4, 5)) * 8).astype("f4")
expected = {}


def note(address, values, spacing=None, unit=None):
    values = np.asarray(values)
    flat = [None if np.isnan(v) else float(v) for v in values.ravel().astype("f8")]
    expected[address] = dict(shape=values.shape, values=flat, spacing=spacing, unit=unit)


def refused(address, why):
    expected[address] = dict(refused=why)


# MATLAB 5: packed and plain, every class, wide classes in narrow types, several variables
wide = {"u1": a.astype("u1"), "i2": a.astype("i2") - 1000, "i8": a.astype("i8") - 1000, "f4": f, "f8": f.astype("f8"), "l": a > 900}
for packed in (False, True):
    name = "packed.mat" if packed else "plain.mat"
    scipy.io.savemat(name, wide, do_compression=packed)
    for key, value in scipy.io.loadmat(name).items():
        if not key.startswith("_"):
            note(f"{name}:{key}", value)
scipy.io.savemat("one.mat", {"x": f[0], "label": "text"})
note("one.mat", scipy.io.loadmat("one.mat")["x"])
# as MATLAB itself does: doubles that are whole numbers stand in the narrowest type, small ones in their tag
b = bytearray(open("plain.mat", "rb").read()[:128])


def element(kind, data):
    if len(data) <= 4 and kind != 14:
        return np.array([kind | len(data) << 16], "<u4").tobytes() + data.ljust(4, b"\0")
    return np.array([kind, len(data)], "<u4").tobytes() + data + b"\0" * (-len(data) % 8)


def matrix(name, values, kind, disk):
    parts = element(6, np.array([kind, 0], "<u4").tobytes()) + element(5, np.array(values.shape, "<i4").tobytes())
    return element(14, parts + element(1, name.encode()) + element(disk, values.astype("<i2" if disk == 3 else "u1").tobytes("F")))


small = np.array([[1, 2], [3, 250]])
narrow = matrix("n", a[0].astype("i4") - 1000, 6, 3) + matrix("s", small, 6, 2)
open("narrow.mat", "wb").write(bytes(b) + narrow)
for key in "ns":
    note(f"narrow.mat:{key}", scipy.io.loadmat("narrow.mat")[key])
# big-endian
big = bytearray(b)
big[124:128] = b"\1\0MI"
swap = lambda w: np.frombuffer(w, "<u4").astype(">u4").tobytes()
parts = swap(np.array([6, 8, 6, 0, 5, 8, 3, 4], "<u4").tobytes()) + b"\0\1\0\1x\0\0\0" + swap(np.array([7, 48], "<u4").tobytes())
parts += f[0, :3, :4].T.astype(">f4").tobytes()
open("big.mat", "wb").write(bytes(big) + swap(np.array([14, len(parts)], "<u4").tobytes()) + parts)
note("big.mat", scipy.io.loadmat("big.mat")["x"])
scipy.io.savemat("not.mat", {"z": f * 1j, "s": scipy.sparse.eye(5).tocsc(), "r": {"q": 1}, "t": "text", "c": np.array([[1, "a"]], dtype=object)})
for key, why in dict(z="complex numbers", s="a sparse matrix", r="a structure", t="text", c="cells").items():
    refused(f"not.mat:{key}", why)

# MATLAB 7.3: HDF5 behind a user block, axes reversed
with h5py.File("seven.mat", "w", userblock_size=512) as h:
    x = h.create_dataset("x", data=np.ascontiguousarray(f.T))
    x.attrs["MATLAB_class"] = np.bytes_("single")
    h.create_group("#refs#").create_dataset("a", data=np.ones((4, 4)))
with open("seven.mat", "r+b") as file:
    file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
note("seven.mat", f)


# HDF5: bits within bytes, floats of other layouts, filters of plugins
def typed(name, t, values, back="f8", filters=()):
    with h5py.File(name, "w") as h:
        p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if filters:
            p.set_chunk((2, 3, 4))
            for code in filters:
                p.set_filter(code)
        i = h5py.h5d.create(h.id, b"x", t, h5py.h5s.create_simple(values.shape), p)
        i.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(values))
        read = np.empty(values.shape, back)
        i.read(h5py.h5s.ALL, h5py.h5s.ALL, read)
    note(name, read)


def whole(base, precision, offset):
    t = h5py.h5t.py_create(np.dtype(base)).copy()
    t.set_precision(precision)
    t.set_offset(offset)
    return t


typed("signed12.h5", whole("<i2", 12, 0), a.astype("i2") - 1000)
typed("offset12.h5", whole(">u2", 12, 4), a)
typed("signed12-nbit.h5", whole("<i2", 12, 3), a.astype("i2") - 1000, filters=[5])
bf = h5py.h5t.py_create(np.dtype("<f4")).copy()
bf.set_fields(15, 7, 8, 0, 7)
bf.set_precision(16)
bf.set_size(2)
typed("bfloat16.h5", bf, f)
with h5py.File("half.h5", "w") as h:
    h["x"] = f.astype(">f2")
note("half.h5", f.astype("f2"))
with h5py.File("flags.h5", "w") as h:
    h["x"] = a > 900
note("flags.h5", a > 900)
with h5py.File("elements.h5", "w") as h:
    h.create_dataset("x", data=f.reshape(3, 4, 5), dtype=None)
    h.create_dataset("v", (3, 4), np.dtype(("f4", (5,))))[...] = f
note("elements.h5:x", f)
note("elements.h5:v", f)
wave = (np.arange(4000).reshape(4, 20, 50) // 7 % 251).astype("u2")
plugins = dict(lzf=dict(compression="lzf"), blosc=hdf5plugin.Blosc(), zstd=hdf5plugin.Zstd(), lz4=hdf5plugin.LZ4(),
               bitshuffle=hdf5plugin.Bitshuffle(), bitzstd=hdf5plugin.Bitshuffle(cname="zstd"), scale=dict(scaleoffset=0),
               szip=dict(compression="szip"))
for key, options in plugins.items():
    with h5py.File(f"{key}.h5", "w") as h:
        h.create_dataset("x", data=wave[:2, :, :33], chunks=(1, 20, 33), **options)
    note(f"{key}.h5", wave[:2, :, :33])
with h5py.File("zfp.h5", "w") as h:
    h.create_dataset("x", data=f, chunks=(3, 4, 5), **hdf5plugin.Zfp(reversible=True))
refused("zfp.h5", "ZFP, number 32013")
with h5py.File("virtual.h5", "w") as h:
    layout = h5py.VirtualLayout(shape=a.shape, dtype="u2")
    layout[...] = h5py.VirtualSource("nowhere.h5", "x", shape=a.shape)
    h.create_virtual_dataset("x", layout)
refused("virtual.h5", "a virtual dataset")
with h5py.File("external.h5", "w") as h:
    h.create_dataset("x", a.shape, "u2", external=[("nowhere.bin", 0, a.nbytes)])
refused("external.h5", "another file")
with h5py.File("link.h5", "w") as h:
    h["x"] = h5py.ExternalLink("nowhere.h5", "x")
refused("link.h5", "nowhere.h5; name that file")
with h5py.File("parts.h5", "w") as h:
    h["complex"] = f.astype("c8")
    h["record"] = np.zeros((3, 4), [("a", "f4"), ("b", "i4")])
    h["good"] = f
refused("parts.h5:complex", "that are complex")
refused("parts.h5:record", "that are records")
note("parts.h5", f)

# spacing beside an array, x first: DREAM.3D 6 and ITK
with h5py.File("dream.h5", "w") as h:
    h["DataContainers/Image/CellData/Phases"] = a.astype("i4")
    h["DataContainers/Image/_SIMPL_GEOMETRY/SPACING"] = np.array([0.25, 0.5, 2.0], "f4")
note("dream.h5", a[None], spacing=[2.0, 0.5, 0.25])
with h5py.File("itk.h5", "w") as h:
    h["ITKImage/0/VoxelData"] = a
    h["ITKImage/0/Spacing"] = np.array([0.25, 0.5, 2.0])
note("itk.h5", a[None], spacing=[2.0, 0.5, 0.25])

# NetCDF: marks of missing values, packing, what was not written, bytes without a sign
for name, form in (("three", "NETCDF3_CLASSIC"), ("four", "NETCDF4")):
    with netCDF4.Dataset(f"{name}.nc", "w", format=form) as n:
        for axis, length in zip(tuple("zyx"), f.shape):
            n.createDimension(axis, length)
        i = a.astype("i2")
        marked = n.createVariable("marked", "i2", tuple("zyx"), fill_value=i[0, 0, 0])
        marked.missing_value = i[1, 1, 1]
        marked.scale_factor, marked.add_offset = 0.01, 10.0
        marked.set_auto_maskandscale(False)
        marked[:] = i
        ranged = n.createVariable("ranged", "f4", tuple("zyx"))
        ranged.valid_range = np.array([-5, 5], "f4")
        ranged[:] = f
        n.createVariable("part", "f8", tuple("zyx"))[1:] = f[1:]
        n.createVariable("whole", "i4", tuple("zyx"))[:2] = i[:2]
        n.createVariable("bytes", "i1", tuple("zyx"))[:2] = i[:2].astype("i1")
        plain = n.createVariable("unsigned", "i1", tuple("zyx"), fill_value=-1)
        plain.setncattr("_Unsigned", "true")
        plain.set_auto_maskandscale(False)
        plain[:] = (a % 256).astype("u1").view("i1")
        plain[0, 0, :2] = -1
        precise = n.createVariable("precise", "i4", tuple("zyx"))
        precise.scale_factor, precise.add_offset = 1e-6, -100.0
        precise.set_auto_maskandscale(False)
        precise[:] = 100_000_000 + i.astype("i4")
    with netCDF4.Dataset(f"{name}.nc") as n:
        for key, x in n.variables.items():
            note(f"{name}.nc:{key}", np.ma.filled(x[:].astype("f8"), np.nan))

# xarray: _FillValue in Zarr 2 and 3, packed and not
hole = f.copy()
hole[:, :2, :2] = np.nan
ds = xr.Dataset({"t": (("z", "y", "x"), hole), "p": (("z", "y", "x"), hole)})
ways = {"t": {"_FillValue": np.float32(-9999)}, "p": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 1.0, "_FillValue": -32767}}
for version in (2, 3):
    ds.to_zarr("z", zarr_format=version, encoding=ways, consolidated=False)
    for key in ways:
        note(f"xarray{version}.zarr.zip:{key}", xr.open_zarr("z", consolidated=False)[key].values)
    with zipfile.ZipFile(f"xarray{version}.zarr.zip", "w") as z:
        for folder, _, names in sorted(os.walk("z")):
            for name in sorted(names):
                path = os.path.join(folder, name)
                z.writestr(zipfile.ZipInfo(os.path.relpath(path, "z")), open(path, "rb").read())
    shutil.rmtree("z")
json.dump(expected, open("expected.json", "w"), separators=(",", ":"))
print(len(expected), "addresses")
