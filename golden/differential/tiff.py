"""TIFF as tifffile and Pillow write it: number types, compressions, layouts, byte orders, orientations, axes."""

import itertools

import numpy as np
import tifffile
from PIL import Image

DTYPES = "bool u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8".split()
H, W = 17, 21
rng = np.random.default_rng(14)
count = itertools.count()


def numbers(dtype, shape):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.4
    if kind == "f":
        return (rng.normal(size=shape) * 10.0 ** rng.integers(-4, 4)).astype(dtype)
    info = np.iinfo(dtype)
    # halves of the range, so that single precision rounds wide ones and no sum overflows
    low, high = max(info.min // 2, -(2**52)), min(info.max // 2, 2**52)
    return rng.integers(low, high, shape, dtype="i8").astype(dtype)


def name(what):
    return f"{next(count):05}-{what}.tif"


def grid():
    """dtype × compression × predictor × layout × byte order × size of offsets"""
    layouts = [{}, {"rowsperstrip": 3}, {"tile": (16, 16)}, {"tile": (32, 16)}]
    for dtype, compression, layout, order in itertools.product(
            DTYPES, [None, "lzw", "zlib", "packbits", "zstd"], layouts, "<>"):
        kind, size = np.dtype(dtype).kind, np.dtype(dtype).itemsize
        if kind == "b" and (compression == "packbits" or "tile" in layout):
            continue
        predictors = [None]
        if compression in ("lzw", "zlib", "zstd"):
            predictors += [2] if kind in "iu" else [3] if kind == "f" else []
        for predictor in predictors:
            a = numbers(dtype, (2, H, W))
            file = name(f"{dtype}-{compression}-{predictor}-{order == '>'}")
            tifffile.imwrite(file, a, photometric=["minisblack", "miniswhite"][rng.integers(2)],
                             compression=compression, predictor=predictor, byteorder=order,
                             bigtiff=bool(rng.integers(2)), **layout)
            assert np.array_equal(tifffile.imread(file), a), file
            yield dict(address=file, values=a[:, None], what=str(layout))


def colours():
    """colours and bands, together and in planes, with and without what is behind them"""
    for dtype, planar, compression, tile, extra in itertools.product(
            ["u1", "u2", "f4"], ["contig", "separate"], [None, "lzw", "zlib"], [None, (16, 16)],
            [None, "unspecified", "unassalpha", "two"]):
        predictor = None if compression is None else 3 if dtype == "f4" else 2
        more = {None: 0, "two": 2}.get(extra, 1)
        a = numbers(dtype, (2, 3 + more, H, W))
        if extra == "unassalpha":
            a[:, 3] = 1 if dtype == "f4" else np.iinfo(dtype).max
        stored = a if planar == "separate" else np.moveaxis(a, 1, -1).copy()
        file = name(f"rgb-{dtype}-{planar}-{compression}-{extra}")
        kinds = {None: None, "two": ["unspecified"] * 2}.get(extra, [extra])
        tifffile.imwrite(file, stored, photometric="rgb", planarconfig=planar, compression=compression,
                         predictor=predictor, tile=tile, extrasamples=kinds)
        assert np.array_equal(tifffile.imread(file), stored), file
        yield dict(address=file, values=a[:, :3] if extra == "unassalpha" else a)
        if extra is None:
            continue
        bands = numbers(dtype, (2, 1 + more, H, W))
        stored = bands if planar == "separate" else np.moveaxis(bands, 1, -1).copy()
        file = name(f"bands-{dtype}-{planar}-{compression}-{more}")
        tifffile.imwrite(file, stored, photometric="minisblack", planarconfig=planar,
                         compression=compression, predictor=predictor, tile=tile,
                         extrasamples=["unspecified"] * more)
        assert np.array_equal(tifffile.imread(file), stored), file
        yield dict(address=file, values=bands)
    a = numbers("u1", (1, 4, H, W))
    a[:, 3] = 77
    file = name("glassy")
    tifffile.imwrite(file, np.moveaxis(a, 1, -1), photometric="rgb", extrasamples=["unassalpha"])
    yield dict(address=file, refused="alpha 77")


def packed():
    """numbers of few bits, as imagecodecs packs them"""
    for bits, compression, order in itertools.product([2, 3, 4, 6, 10, 12, 14], [None, "lzw", "zlib"], "<>"):
        a = rng.integers(0, 2**bits, (2, H, W)).astype("u1" if bits <= 8 else "u2")
        file = name(f"bits{bits}-{compression}")
        try:
            tifffile.imwrite(file, a, photometric="minisblack", bitspersample=bits, compression=compression,
                             byteorder=order)
            # tifffile packs some of these in a way that it does not read back
            if not np.array_equal(tifffile.imread(file), a):
                continue
        except (ValueError, NotImplementedError, RuntimeError):
            continue
        yield dict(address=file, values=a[:, None])


def turned():
    """orientations: tifffile hands on what is stored, the tag says how to turn it"""
    ways = [lambda a: a, lambda a: a[:, :, ::-1], lambda a: a[:, ::-1, ::-1], lambda a: a[:, ::-1],
            lambda a: a.transpose(0, 2, 1), lambda a: a.transpose(0, 2, 1)[:, :, ::-1],
            lambda a: a.transpose(0, 2, 1)[:, ::-1, ::-1], lambda a: a.transpose(0, 2, 1)[:, ::-1]]
    for way, dtype, once, compression in itertools.product(range(8), ["u1", "u2", "f4"], [True, False],
                                                           [None, "lzw"]):
        a = numbers(dtype, (2, H, W))
        file = name(f"orientation{way + 1}")
        tifffile.imwrite(file, a, photometric="minisblack", metadata=None, compression=compression,
                         resolution=(2, 4), resolutionunit="CENTIMETER",
                         extratags=[(274, "H", 1, way + 1, once)])
        spacing = [0.25, 0.5] if way < 4 else [0.5, 0.25]
        yield dict(address=file, values=ways[way](a)[:, None], spacing=spacing, unit="cm")


def hyperstacks():
    """ImageJ and OME stacks of every order of axes, read as pictures and as volumes"""
    sizes = dict(T=2, Z=3, C=2, Y=H, X=W)
    for axes in [a + "YX" for n in range(4) for a in map("".join, itertools.permutations("TZC", n))]:
        for dtype, kind in itertools.product(["u1", "u2", "f4"], ["imagej", "imagej one", "ome", "shaped"]):
            a = numbers(dtype, [sizes[x] for x in axes])
            file = name(f"{kind.replace(' ', '-')}-{axes}" + (".ome" if kind == "ome" else ""))
            extra = {}
            if kind.startswith("imagej"):
                if axes != "".join(x for x in "TZCYX" if x in axes):
                    continue
                tifffile.imwrite(file, a, imagej=True, truncate=kind.endswith("one"), resolution=(2, 4),
                                 metadata={"axes": axes, "spacing": 3.0, "unit": "um"})
                extra = dict(unit="um")
            elif kind == "ome":
                tifffile.imwrite(file, a, photometric="minisblack", metadata={
                    "axes": axes, "PhysicalSizeX": 500, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.25,
                    "PhysicalSizeZ": 3.0})
                extra = dict(unit="nm")
            else:
                tifffile.imwrite(file, a, photometric="minisblack", metadata={"axes": axes})
            assert np.array_equal(tifffile.imread(file), a), file
            full = a
            for x in "TZC":
                if x not in axes:
                    full = full[None]
            order = [x for x in "CZT" if x not in axes] + list(axes)
            full = np.transpose(full, [order.index(x) for x in "TZCYX"])
            scale = {"um": 1, "nm": 1000}.get(extra.get("unit"))
            t, z, c = full.shape[:3]
            flat = [0.25 * scale, 0.5 * scale] if scale else None
            yield dict(address=file, values=full.reshape(t * z, c, H, W), spacing=flat, **extra)
            volume = full.transpose(0, 2, 1, 3, 4)
            if z == 1 and t > 1:
                volume = full.transpose(1, 2, 0, 3, 4)
            spaced = [3.0 * scale, *flat] if scale else None
            yield dict(address=file, options=dict(dim=3), values=volume, spacing=spaced)


def meanings():
    """tags that say what stored numbers mean"""
    for dtype, order in itertools.product(["u1", "u2", "i2", "i4", "f4", "f8"], "<>"):
        a = numbers(dtype, (2, H, W))
        a[:, 3, 4:9] = 17
        for nodata, scale, offset in itertools.product([None, "17", "nan"], [None, 0.01], [None, -40.0]):
            tags = [(42113, "s", 0, nodata, True)] if nodata else []
            items = [f'<Item name="{n.upper()}" sample="0" role="{n}">{v}</Item>'
                     for n, v in [("scale", scale), ("offset", offset)] if v is not None]
            if items:
                tags.append((42112, "s", 0, "<GDALMetadata>" + "".join(items) + "</GDALMetadata>", True))
            tags.append((33550, "d", 3, (30.0, 20.0, 0.0), True))
            file = name(f"gdal-{dtype}-{nodata}")
            tifffile.imwrite(file, a, photometric="minisblack", metadata=None, byteorder=order,
                             extratags=tags, compression=[None, "lzw"][rng.integers(2)])
            values = a.astype("f8") * (scale or 1) + (offset or 0)
            if nodata == "17":
                values[a == 17] = np.nan
            yield dict(address=file, values=values[:, None], spacing=[20.0, 30.0])
    a = numbers("i2", (3, H, W))
    text = "ImageJ=1.53t\nimages=3\nslices=3\ncf=0\nc0=-32768\nc1=1\nvunit=Gray Value\n"
    file = name("imagej-signed")
    tifffile.imwrite(file, (a.astype("i4") + 32768).astype("u2"), description=text, metadata=None,
                     photometric="minisblack", byteorder=">")
    yield dict(address=file, values=a[:, None])


def aside():
    """smaller copies, previews, palettes"""
    for dtype, compression in itertools.product(["u1", "u2", "f4"], [None, "lzw", "zlib"]):
        a = numbers(dtype, (3, 32, 32))
        keep = dict(photometric="minisblack", compression=compression)
        file = name("pyramid")
        with tifffile.TiffWriter(file) as t:
            for x in a:
                t.write(x, **keep)
                t.write(x[::2, ::2].copy(), subfiletype=1, **keep)
        yield dict(address=file, values=a[:, None])
        file = name("subifds")
        with tifffile.TiffWriter(file) as t:
            for x in a:
                t.write(x, subifds=1, **keep)
                t.write(x[::2, ::2].copy(), subfiletype=1, **keep)
        yield dict(address=file, values=a[:, None])
    a = numbers("u1", (2, H, W))
    file = name("palette")
    tifffile.imwrite(file, a, photometric="palette", colormap=rng.integers(0, 2**16, (3, 256)).astype("u2"))
    yield dict(address=file, values=a[:, None])


def refused():
    """what is not read, by its name"""
    a = numbers("f4", (2, H, W))
    for compression, said in [("lzma", "LZMA"), ("jpeg2000", "JPEG 2000"), ("webp", "WebP"),
                              ("jpegxl", "JPEG XL"), ("lerc", "LERC")]:
        file = name(compression)
        b = a if compression in ("lzma", "lerc") else rng.integers(0, 255, (H, W, 3)).astype("u1")
        try:
            tifffile.imwrite(file, b, photometric="rgb" if b.ndim == 3 and b.shape[-1] == 3 else "minisblack",
                             compression=compression)
        except (ValueError, ImportError, RuntimeError):
            continue
        yield dict(address=file, refused=said)
    file = name("complex")
    tifffile.imwrite(file, a.astype("c8"), photometric="minisblack")
    yield dict(address=file, refused="complex numbers")
    file = name("depth")
    tifffile.imwrite(file, numbers("u2", (8, 32, 32)), volumetric=True, tile=(4, 16, 16),
                     photometric="minisblack")
    yield dict(address=file, refused="ImageDepth")


def pillow():
    """what Pillow writes"""
    smooth = np.add.outer(np.arange(H) * 5, np.arange(W) * 6).astype("u1")
    for compression in [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"]:
        for mode in ["1", "L", "P", "RGB", "I;16", "I", "F", "CMYK", "LA"]:
            grey = mode in ("1", "L", "P")
            if compression == "jpeg" and mode not in ("L", "RGB") or compression == "group4" and mode != "1":
                continue
            if mode == "RGB":
                image = Image.fromarray(np.stack([smooth, smooth // 2, 255 - smooth], -1))
            elif mode == "CMYK":
                image = Image.fromarray(np.stack([smooth] * 4, -1), "CMYK")
            elif mode == "LA":
                image = Image.fromarray(np.stack([smooth, np.full_like(smooth, 255)], -1), "LA")
            elif mode == "1":
                image = Image.fromarray(smooth > 90)
            elif mode == "P":
                image = Image.fromarray(smooth % 7, "P")
                image.putpalette([i * 7 % 256 for i in range(768)])
            else:
                image = Image.fromarray(smooth.astype({"I;16": "u2", "I": "i4", "F": "f4"}.get(mode, "u1")))
            file = name(f"pillow-{mode.replace(';', '')}-{compression}")
            try:
                image.save(file, compression=compression)
            except (OSError, ValueError):
                continue
            back = np.asarray(Image.open(file)).astype("f8")
            case = dict(address=file, values=(back if back.ndim == 3 else back[..., None]).transpose(2, 0, 1)[None])
            if compression == "jpeg":
                # libjpeg and the decoder here round differently; colours are upsampled differently
                case["tolerance"] = 2 if grey else 12
            if compression == "jpeg" and mode == "RGB":
                # nothing in the stream says that it is not YCbCr
                case = dict(address=file, refused="JPEG pixels")
            if mode == "CMYK":
                case = dict(address=file, refused="CMYK")
            if compression == "group4":
                case = dict(address=file, refused="CCITT")
            if mode == "LA" and "values" in case:
                case["values"] = case["values"][:, :1]
            yield case


def cases():
    for make in [grid, colours, packed, turned, hyperstacks, meanings, aside, refused, pillow]:
        yield from make()
