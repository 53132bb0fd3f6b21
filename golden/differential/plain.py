"""NPY, NPZ, IDX and VTI: number types, memory orders, byte orders, versions, meanings of axes."""

import itertools

import numpy as np
import vtk
from numpy.lib import format as npy
from vtk.util.numpy_support import numpy_to_vtk

rng = np.random.default_rng(14)
count = itertools.count()
DTYPES = "? u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8".split()


def numbers(dtype, shape):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.4
    if kind == "f":
        return rng.normal(size=shape).astype(dtype)
    info = np.iinfo(np.dtype(dtype).newbyteorder("="))
    return rng.integers(max(info.min // 2, -(2**52)), min(info.max // 2, 2**52), shape, dtype="i8").astype(dtype)


# shape, options, and where samples and channels are
SHAPES = [((5, 7), {}, "nx"), ((5, 7, 6), {}, "nyx"), ((5, 3, 7, 6), {}, "ncyx"), ((5, 9, 7, 6), {}, "nzyx"),
          ((2, 3, 4, 7, 6), {}, "nczyx"), ((9, 7), dict(dim=2), "yx"), ((9, 7, 6), dict(dim=3), "zyx"),
          ((5, 9, 7), dict(channels=9), "ncx"), ((5, 7, 6, 2), dict(channels_last=1), "nyxc"),
          ((5, 7, 6, 8, 1), dict(channels_last=1), "nzyxc"), ((7, 6, 2), dict(dim=2, channels_last=1), "yxc")]


def fields(a, axes):
    for axis in "nc":
        if axis not in axes:
            a, axes = a[None], axis + axes
    order = [axes.index(x) for x in "nczyx" if x in axes]
    return a.transpose(order)


def arrays():
    for dtype, order, fortran, (shape, options, axes) in itertools.product(
            DTYPES, "<>", [False, True], SHAPES):
        a = numbers(np.dtype(dtype).newbyteorder(order), shape)
        a = np.asfortranarray(a) if fortran else a
        file, version = f"{next(count):05}", [(1, 0), (2, 0), (3, 0)][rng.integers(3)]
        how = rng.integers(3)
        if how == 0:
            with open(file + ".npy", "wb") as f:
                npy.write_array(f, a, version)
            file += ".npy"
        else:
            spaced = dict(spacing=np.arange(1.0, len([x for x in axes if x in "zyx"]) + 1))
            [np.savez, np.savez_compressed][how - 1](file + ".npz", a=a, **spaced)
            file += ".npz"
        case = dict(address=file, options=options, values=fields(a, axes), what=f"{a.dtype} {axes} {fortran}")
        if how:
            case["spacing"] = list(spaced["spacing"])
        yield case
    for low, step in [(101325.0, 0.02), (5e6, 0.5), (-1e9, 3.0), (1.0, 1e-9), (273.15, 1e-5)]:
        for dim in (1, 2, 3):
            a = low + step * rng.normal(size=(6,) + (5,) * dim)
            file = f"{next(count):05}.npy"
            np.save(file, a)
            yield dict(address=file, options=dict(dim=dim), values=a[:, None],
                       tolerance=2e-7 * np.ptp(a) + 1e-15 * abs(low))


def idx():
    for (code, dtype), shape in itertools.product(
            [(8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")],
            [(6, 5), (6, 5, 4), (3, 6, 5, 4)]):
        a = numbers(dtype, shape)
        file = f"{next(count):05}.idx"
        with open(file, "wb") as f:
            f.write(bytes([0, 0, code, len(shape)]) + np.array(shape, ">u4").tobytes() + a.tobytes())
        yield dict(address=file, values=a[:, None])


def vti():
    writers = [("Ascii", None), ("Binary", None), ("Binary", "zlib"), ("Appended", None), ("Appended", "zlib"),
               ("Raw", None), ("Raw", "zlib"), ("Binary", "lz4")]
    types = "u1 u2 u4 u8 i1 i2 i4 i8 f4 f8".split()
    for (mode, packer), dtype, points, parts, order in itertools.product(
            writers, types, [True, False], [1, 3], [0, 1]):
        z, y, x = 3, 4, 5
        image = vtk.vtkImageData()
        image.SetDimensions(*((x, y, z) if points else (x + 1, y + 1, z + 1)))
        image.SetSpacing(1.0, 2.0, 4.0)
        a = numbers(dtype, (z, y, x, parts))
        data = numpy_to_vtk(a.reshape(-1, parts), deep=True)
        data.SetName("p")
        (image.GetPointData() if points else image.GetCellData()).AddArray(data)
        writer = vtk.vtkXMLImageDataWriter()
        getattr(writer, f"SetDataModeTo{'Appended' if mode == 'Raw' else mode}")()
        writer.SetEncodeAppendedData(mode != "Raw")
        {None: writer.SetCompressorTypeToNone, "zlib": writer.SetCompressorTypeToZLib,
         "lz4": writer.SetCompressorTypeToLZ4}[packer]()
        (writer.SetByteOrderToBigEndian if order else writer.SetByteOrderToLittleEndian)()
        (writer.SetHeaderTypeToUInt64 if rng.integers(2) else writer.SetHeaderTypeToUInt32)()
        file = f"{next(count):05}.vti"
        writer.SetFileName(file)
        writer.SetInputData(image)
        writer.Write()
        if packer == "lz4":
            yield dict(address=file, refused="LZ4")
            continue
        yield dict(address=file, values=a.transpose(3, 0, 1, 2)[None], spacing=[4.0, 2.0, 1.0],
                   what=f"{mode} {packer} {dtype} points {points}")


def cases():
    for make in [arrays, idx, vti]:
        yield from make()
