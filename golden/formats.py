"""Small files as other programs write them, with the values they hold.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 h5py==3.16.0 \
        netCDF4==1.7.5.1.post1 tifffile==2026.3.3 vtk==9.7.2 zarr==3.1.6 numcodecs==0.16.6 \
        torch==2.15.0 safetensors==0.8.0
    venv/bin/python golden/formats.py crates/formats/tests/peers

Writes the files and `expected.json`: for each address shape, values (or the address that has the same),
spacing, unit, and the `dim` to read it with.
"""

import json
import os
import shutil
import sys
import zipfile

import google_crc32c
import h5py
import netCDF4
import numcodecs
import numpy as np
import scipy.io
import tifffile
import vtk
import zarr
import zarr.codecs
import zarr.storage
from vtk.util.numpy_support import numpy_to_vtk

os.makedirs(sys.argv[1], exist_ok=True)
os.chdir(sys.argv[1])
a = np.arange(3 * 4 * 5).reshape(3, 4, 5) * 7 % 113
expected = {}


def note(address, values, dim=None, spacing=None, unit=None, like=None):
    values = np.asarray(values)
    if like is not None:
        assert np.array_equal(values.ravel().astype("f4"), np.array(expected[like]["values"], "f4"))
    expected[address] = dict(
        shape=list(values.shape), dim=dim, spacing=spacing, unit=unit, like=like,
        values=[] if like else [float(np.float32(v)) for v in values.ravel()])


def arrays():
    np.savez("one.npz", a.astype("f4"))
    note("one.npz", a)
    np.savez_compressed("two.npz", rho=a.astype(">i4"), p=np.asfortranarray(a.astype("f8") / 3))
    note("two.npz:rho", a)
    note("two.npz:p", a / 3)
    np.savez("spaced.npz", x=a.astype("u1"), spacing=np.array([3.0, 2.0, 1.0]))
    note("spaced.npz", a, spacing=[2.0, 1.0])
    np.save("fortran.npy", np.asfortranarray(a.astype(">f8") / 7))
    note("fortran.npy", a / 7)
    a.astype(">u2").tofile("a.raw")
    note("a.raw:3x4x5:u16:be:spacing=3x2x1:unit=mm", a, dim=3, spacing=[3.0, 2.0, 1.0], unit="mm")
    with open("f.raw", "wb") as f:
        f.write(b"12345" + a.astype("<f4").tobytes(order="F"))
    note("f.raw:3x4x5:f32:le:F:skip=5", a)


def hdf5():
    with h5py.File("groups.h5", "w") as f:
        g = f.create_group("g/h")
        g.create_dataset("be", data=a.astype(">i2"), chunks=(2, 3, 4), compression="gzip", shuffle=True)
        g.create_dataset("sum", data=a.astype(">f4") / 7, chunks=(2, 4, 2), compression="gzip",
                         compression_opts=9, fletcher32=True)
        d = g.create_dataset("grows", data=a.astype("i8"), maxshape=(None, 4, 5), chunks=(1, 4, 5))
        d.attrs["element_size_um"] = [4.0, 2.0, 1.0]
        g.create_dataset("flag", data=a > 50)
        g.create_dataset("u64", data=a.astype("u8"))
        f["text"] = np.array([[b"ab", b"cd"]])
    note("groups.h5:/g/h/be", a)
    note("groups.h5:g/h/sum", a.astype("f4") / 7)
    note("groups.h5:/g/h/grows", a, dim=3, spacing=[4.0, 2.0, 1.0], unit="um")
    note("groups.h5:/g/h/flag", a > 50)
    note("groups.h5:/g/h/u64", a)
    with h5py.File("latest.h5", "w", libver="latest") as f:
        f.create_dataset("x", data=a.astype("f8"), chunks=(1, 2, 3), compression="gzip",
                         shuffle=True, maxshape=(None, None, 5))
    note("latest.h5", a)
    with h5py.File("plain.h5", "w") as f:
        f["x"] = a.astype("f8")
    note("plain.h5", a)
    with h5py.File("bounds.h5", "w") as f:
        f["g/t"] = a.astype("i2")
        f["g/lat"] = np.arange(4.0)
        f["g/lat"].attrs["bounds"] = "lat_bnds"
        f["g/lat_bnds"] = np.zeros((4, 2))
    note("bounds.h5", a)
    note("bounds.h5:/g/lat_bnds", np.zeros((4, 2)))


def netcdf():
    for kind, name in [("NETCDF3_CLASSIC", "cdf1"), ("NETCDF3_64BIT_OFFSET", "cdf2"),
                       ("NETCDF3_64BIT_DATA", "cdf5"), ("NETCDF4", "netcdf4")]:
        name += ".nc"
        with netCDF4.Dataset(name, "w", format=kind) as f:
            for axis, length in [("time", None), ("lat", 4), ("lon", 5)]:
                f.createDimension(axis, length)
            time = f.createVariable("time", "f8", ("time",))
            lat = f.createVariable("lat", "f4", ("lat",))
            lon = f.createVariable("lon", "f8", ("lon",))
            lat.units = lon.units = "degrees"
            lat[:] = np.linspace(10, 8.5, 4)
            lon[:] = np.arange(5) * 0.25
            t = f.createVariable("t", "i2", ("time", "lat", "lon"), fill_value=-32767)
            t.scale_factor, t.add_offset, t.units = 0.5, 100.0, "K"
            t.set_auto_scale(False)
            p = f.createVariable("p", "f4", ("time", "lat", "lon"))
            odd = f.createVariable("odd", "i1", ("time", "lat", "lon"))
            still = f.createVariable("still", "f8", ("lat", "lon"))
            time[:], t[:], p[:], odd[:], still[:] = np.arange(3), a, a / 3, a, a[0]
        here = dict(spacing=[0.5, 0.25], unit="degrees")
        note(name + ":t", a * 0.5 + 100, **here)
        note(name + ":p", (a / 3).astype("f4"), **here)
        note(name + ":odd", a, **here)
        note(name + ":still", a[0], dim=2, **here)
    with scipy.io.netcdf_file("scipy.nc", "w") as f:
        for axis, length in [("z", 3), ("y", 4), ("x", 5)]:
            f.createDimension(axis, length)
        f.createVariable("u", "h", ("z", "y", "x"))[:] = a
    note("scipy.nc", a, dim=3)
    # a single growing variable has no padding between its records
    with scipy.io.netcdf_file("record.nc", "w") as f:
        f.createDimension("t", None)
        f.createDimension("x", 5)
        f.createVariable("u", "b", ("t", "x"))[:] = a[:, 0]
    note("record.nc", a[:, 0])


def tiff():
    grey = dict(photometric="minisblack")
    tifffile.imwrite("u8.tif", a.astype("u1"), **grey)
    note("u8.tif", a)
    tifffile.imwrite("u16be.tif", a.astype("u2"), byteorder=">", **grey)
    note("u16be.tif", a)
    tifffile.imwrite("i32.tif", a.astype("i4") - 50, **grey)
    note("i32.tif", a - 50)
    tifffile.imwrite("zlib.tif", a.astype("f4") / 3, compression="zlib", **grey)
    note("zlib.tif", a.astype("f4") / 3)
    tifffile.imwrite("strips.tif", a.astype("f8"), rowsperstrip=3, byteorder=">", **grey)
    note("strips.tif", a)
    tifffile.imwrite("tiled.tif", np.tile(a, (1, 5, 4)).astype("u2"), tile=(16, 16), **grey)
    note("tiled.tif", np.tile(a, (1, 5, 4)))
    tifffile.imwrite("big.tif", a.astype("f4"), bigtiff=True, **grey)
    note("big.tif", a)
    tifffile.imwrite("imagej.tif", a.astype("u2"), imagej=True, resolution=(2.0, 4.0),
                     metadata={"spacing": 3.0, "unit": "um", "axes": "ZYX"})
    note("imagej.tif", a, dim=3, spacing=[3.0, 0.25, 0.5], unit="um")
    with zipfile.ZipFile("stack.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.write("u8.tif", "deep/u8.tif")
        z.writestr("__MACOSX/._u8.tif", "not data")
    note("stack.zip", a)
    note("stack.zip:deep/u8.tif", a)


def vti(name, values, components=1, cells=False, mode="Appended", compressor="None", raw=True,
        wide=True, big=False, names=("s",)):
    image = vtk.vtkImageData()
    nz, ny, nx = (n + cells for n in values.shape[:3])
    image.SetDimensions(nx, ny, nz)
    image.SetSpacing(1.0, 2.0, 3.0)
    image.SetOrigin(5, 6, 7)
    for k, array in enumerate(names):
        v = numpy_to_vtk(np.ascontiguousarray(values.reshape(-1, components)) + k, deep=1)
        v.SetName(array)
        (image.GetCellData() if cells else image.GetPointData()).AddArray(v)
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetFileName(name)
    writer.SetInputData(image)
    getattr(writer, "SetDataModeTo" + mode)()
    getattr(writer, "SetCompressorTypeTo" + compressor)()
    if compressor == "ZLib":
        writer.SetBlockSize(64)
    writer.SetEncodeAppendedData(not raw)
    getattr(writer, "SetHeaderTypeToUInt" + ("64" if wide else "32"))()
    getattr(writer, "SetByteOrderTo" + ("Big" if big else "Little") + "Endian")()
    assert writer.Write()


def vtk_images():
    types = [a.astype("f4") / 3, a.astype("f8") / 3, a.astype("i2"), a.astype("u1")]
    spaced = dict(spacing=[3.0, 2.0, 1.0])
    count = 0
    for mode in ["Appended", "Binary", "Ascii"]:
        for compressor in ["None", "ZLib"]:
            for raw in [True, False]:
                for wide in [True, False]:
                    if mode == "Ascii" and (compressor == "ZLib" or not (raw and wide)):
                        continue
                    if mode == "Binary" and not raw:
                        continue
                    count += 1
                    name, values = f"v{count:02}.vti", types[count % 4]
                    vti(name, values, 1, count % 3 == 0, mode, compressor, raw, wide, count % 5 > 2)
                    note(name, values, **spaced)
    vector = (np.stack([a, a + 0.5, -a], axis=-1) / 9).astype("f4")
    for mode in ["Appended", "Binary", "Ascii"]:
        vti(f"vector-{mode}.vti", vector, 3, mode=mode)
        note(f"vector-{mode}.vti", np.moveaxis(vector, -1, 0), **spaced)
    vti("two.vti", a.astype("f4"), names=("p", "q"))
    note("two.vti:q", a + 1, **spaced)
    vti("flat.vti", a[:1].astype("f4"))
    note("flat.vti", a[0], spacing=[2.0, 1.0])


def smooth():
    """Large enough for Blosc to cut its blocks into streams."""
    z, y, x = np.ogrid[:6, :8, :20]
    return (x * x // 3 + 40 * y + 300 * z) % 1000


def zarr_2():
    b = smooth()
    os.path.exists("2.zarr.zip") and os.remove("2.zarr.zip")
    with zarr.storage.ZipStore("2.zarr.zip", mode="w") as store:
        zarr.create_group(store, zarr_format=2)

        def put(name, values, like=None, **kind):
            kind = dict(dict(chunks=(2, 3, 4), compressors=None, fill_value=0), **kind)
            zarr.create_array(store, name=name, data=values, zarr_format=2, **kind)
            note("2.zarr.zip:" + name, np.asarray(values), like=like and "2.zarr.zip:" + like)

        put("plain", a.astype("<f4"))
        put("types/be", a.astype(">i2"), "plain", compressors=numcodecs.Zlib(3))
        put("types/f8", a.astype(">f8") / 7, compressors=numcodecs.GZip(3), order="F")
        put("types/f2", a.astype("<f2"), "plain", compressors=numcodecs.LZ4())
        put("types/flag", a > 50, compressors=numcodecs.Zstd(3))
        put("types/u8", a.astype("<u8"), "plain", filters=[numcodecs.Shuffle(8)],
            compressors=numcodecs.Zstd(3), order="F")
        put("types/i1", a.astype("i1") - 50, compressors=numcodecs.Blosc("lz4", shuffle=1))
        whole = dict(chunks=b.shape)
        put("blosc/stored", b.astype("<i4"), compressors=numcodecs.Blosc("lz4", 0), **whole)
        for pack in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"]:
            for shuffle in range(3):
                put(f"blosc/{pack}{shuffle}", b.astype("<f4"), "blosc/stored",
                    compressors=numcodecs.Blosc(pack, 7, shuffle, 2048 if shuffle else 0), **whole)
        odd = b.astype("<u2").ravel()[:957].reshape(3, 11, 29)
        put("blosc/odd", odd, compressors=numcodecs.Blosc("zstd", 5, 2, 512), chunks=odd.shape)
        # only the first chunk is written
        some = zarr.create_array(store, name="some", shape=(3, 4, 5), chunks=(2, 3, 4), dtype="<f4",
                                 fill_value=-1.5, zarr_format=2, compressors=numcodecs.Zlib(1))
        some[:2, :3, :4] = a[:2, :3, :4]
        note("2.zarr.zip:some", some[:])
        # as xarray writes: axes by name, coordinates, packed values
        group = zarr.create_group(store, path="x", zarr_format=2)
        for axis, values in [("lat", np.linspace(10, 8.5, 4)), ("lon", np.arange(5) * 0.25)]:
            group.create_array(axis, data=values, chunks=(3,), compressors=None,
                               attributes=dict(_ARRAY_DIMENSIONS=[axis], units="degrees"))
        group.create_array("t", data=a.astype("<i2"), chunks=(2, 3, 4), compressors=None, fill_value=None, attributes=dict(
            _ARRAY_DIMENSIONS=["time", "lat", "lon"], scale_factor=0.5, add_offset=100.0, units="K",
            odd=float("nan")))
        note("2.zarr.zip:x/t", a * 0.5 + 100, spacing=[0.5, 0.25], unit="degrees")
        # OME-NGFF 0.4
        axes = [dict(name=n, type="space", unit="micrometer") for n in "zyx"]
        scales = [[dict(type="scale", scale=[3.0, 2.0 * 2**i, 2**i])] for i in range(2)]
        sets = [dict(path=str(i), coordinateTransformations=scales[i]) for i in range(2)]
        zarr.create_group(store, path="ome", zarr_format=2, attributes=dict(
            multiscales=[dict(version="0.4", axes=axes, datasets=sets)]))
        for i in range(2):
            put(f"ome/{i}", a[:, ::1 + i, ::1 + i].astype("u1"))
            expected[f"2.zarr.zip:ome/{i}"].update(
                dim=3, spacing=[3.0, 2.0 * 2**i, float(2**i)], unit="micrometer")


def zarr_3():
    b = smooth()
    os.path.exists("3.zarr.zip") and os.remove("3.zarr.zip")
    code = zarr.codecs
    with zarr.storage.ZipStore("3.zarr.zip", mode="w") as store:
        zarr.create_group(store)

        def put(name, values, like=None, **kind):
            kind = dict(dict(chunks=(2, 3, 4), compressors=None, fill_value=0), **kind)
            zarr.create_array(store, name=name, data=values, **kind)
            note("3.zarr.zip:" + name, np.asarray(values), like=like and "3.zarr.zip:" + like)

        put("plain", a.astype("f4"))
        put("be", a.astype("f8"), "plain", serializer=code.BytesCodec(endian="big"),
            compressors=code.GzipCodec(level=5))
        put("turned", a.astype("i2"), "plain", filters=code.TransposeCodec(order=(1, 2, 0)),
            compressors=[code.ZstdCodec(level=3), code.Crc32cCodec()])
        put("half", a.astype("f2"), "plain", chunk_key_encoding=dict(name="v2", separator="."))
        put("flag", a > 50)
        put("blosc", b.astype("f4"), chunks=b.shape,
            compressors=code.BloscCodec(cname="lz4", shuffle="bitshuffle"))
        put("shards/end", a.astype("f4"), "plain", chunks=(1, 2, 3), shards=(2, 4, 6),
            compressors=code.ZstdCodec(level=3))
        put("shards/start", a.astype("u2"), "plain", chunks=(1, 2, 3),
            shards=dict(shape=(2, 4, 6), index_location="start"),
            compressors=code.BloscCodec(cname="zstd", shuffle="shuffle"))
        some = zarr.create_array(store, name="shards/some", shape=(3, 4, 5), dtype="f4", chunks=(1, 2, 3),
                                 shards=(2, 4, 6), fill_value=7)
        some[:1, :2, :3] = a[:1, :2, :3]
        some[:1, 2:, :3] = a[:1, 2:, :3]
        note("3.zarr.zip:shards/some", some[:])
    shutil.rmtree("3.zarr", ignore_errors=True)
    # OME-NGFF 0.5, in a folder
    axes = [dict(name="c", type="channel")] + [dict(name=n, type="space", unit="micrometer") for n in "yx"]
    fine, all = ([dict(type="scale", scale=s)] for s in [[1, 0.5, 0.25], [1, 3.0, 3.0]])
    sets = [dict(path="s/0", coordinateTransformations=fine)]
    image = zarr.create_group("3.zarr", attributes=dict(ome=dict(version="0.5", multiscales=[
        dict(axes=axes, datasets=sets, coordinateTransformations=all)])))
    image.create_array("s/0", data=a.astype("u1"), chunks=(3, 3, 4))
    image.create_array("spaced", data=a.astype("f4"), chunks=(3, 4, 5),
                       attributes=dict(spacing=[3.0, 2.0, 1.0], unit="mm"))
    image.create_array("line", data=np.arange(4), chunks=(4,))
    note("3.zarr:s/0", a, dim=2, spacing=[1.5, 0.75], unit="micrometer")
    note("3.zarr/s/0", a, dim=2, spacing=[1.5, 0.75], unit="micrometer")
    note("3.zarr:spaced", a, dim=3, spacing=[3.0, 2.0, 1.0], unit="mm")
    note("3.zarr/spaced", a, dim=3, spacing=[3.0, 2.0, 1.0], unit="mm")


def state_dicts():
    import safetensors.torch
    import torch
    os.makedirs("refused", exist_ok=True)
    n = torch.arange(6.0).reshape(2, 3) / 4
    tensors = dict(plain=n, half=n.half(), brain=n.bfloat16(), double=n.double(), count=torch.tensor(7),
                   flags=n > 0.6, spectrum=torch.complex(n, -n), empty=n[:0])
    views = dict(turned=n.t(), every_other=n[:, ::2], repeated=n[:1].expand(4, 3), shared=n)
    torch.save(dict(tensors, **views, epoch=3, note="text", size=n.shape, on=n.device, odd=1.5,
                    model=torch.nn.Linear(1, 2).state_dict(), list=[n, (n + 1, None)],
                    parameter=torch.nn.Parameter(n), unsigned=n.to(torch.uint16)), "state.pt")
    safetensors.torch.save_file({k: v.contiguous() for k, v in tensors.items()}, "state.safetensors",
                                metadata=dict(made="by safetensors"))
    torch.save(dict(x=n), "refused/old.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(1, 2), "refused/module.pt")
    t = torch.tensor(a)
    torch.save(dict(x=t.permute(2, 1, 0).contiguous().permute(2, 1, 0).double() / 7, y=t[:, 1:, ::2].bool(),
                    z=n), "fields.pt")
    note("fields.pt:x", a / 7)
    note("fields.pt:y", a[:, 1:, ::2] != 0)
    safetensors.torch.save_file(dict(x=t.to(torch.int16)), "fields.safetensors")
    note("fields.safetensors", a)


def seeds():
    """What the fuzz targets wrap into files: pickles, metadata of Zarr with a chunk, packed chunks."""
    def put(target, name, content):
        os.makedirs(f"../seeds/{target}", exist_ok=True)
        with open(f"../seeds/{target}/{name}", "wb") as f:
            f.write(content)

    for name in ["state", "fields", "refused/module"]:
        stem = os.path.basename(name)
        put("pickle", stem, zipfile.ZipFile(name + ".pt").read(stem + "/data.pkl"))
    for version, mark in [(2, ".zarray"), (3, "zarr.json")]:
        store = zipfile.ZipFile(f"{version}.zarr.zip")
        for i, name in enumerate(sorted({n for n in store.namelist() if n.endswith(mark)})[::version]):
            folder = name[:-len(mark)]
            is_chunk = lambda n: n.startswith(folder) and n[len(folder):][:1] in tuple("c0123456789")
            chunks = [store.read(n) for n in store.namelist() if is_chunk(n) and not n.endswith("json")]
            put("zarr", f"{version}-{i}", bytes([version - 2]) + store.read(name) + b"\0" + b"".join(chunks[:1]))
    values = np.arange(120, dtype="<f4").reshape(4, 30)
    chunk = values.tobytes(order="F")
    packs = [numcodecs.Blosc("lz4", 5, 1), numcodecs.Zstd(3), numcodecs.LZ4(), numcodecs.Zlib(3),
             numcodecs.GZip(3), numcodecs.Shuffle(3)]
    for i, pack in enumerate(packs):
        put("zarr_chunk", str(i), bytes([i]) + bytes(pack.encode(np.frombuffer(chunk, "u1"))))
    for pack in ["blosclz", "zlib", "zstd", "lz4hc"]:
        for shuffle in range(3):
            put("zarr_chunk", f"{pack}{shuffle}", b"\0" + numcodecs.Blosc(pack, 9, shuffle).encode(chunk))
    sum_of = lambda b: int(google_crc32c.value(b)).to_bytes(4, "little")
    inner = numcodecs.Zstd(3).encode(values[:2, :10].astype(">f4").tobytes())
    place = lambda start, length: start.to_bytes(8, "little") + length.to_bytes(8, "little")
    put("zarr_chunk", "shards-end", b"\6" + inner + place(0, len(inner)) * 6)
    table = place(388, 20) * 24
    put("zarr_chunk", "shards-start", b"\7" + table + sum_of(table) + chunk[:20])
    put("zarr_chunk", "checked", b"\x08" + numcodecs.Blosc("zstd").encode(chunk + sum_of(chunk)))


for make in [arrays, hdf5, netcdf, tiff, vtk_images, zarr_2, zarr_3, state_dicts, seeds]:
    make()
with open("expected.json", "w") as f:
    json.dump(expected, f)
print(len(expected), "addresses")
