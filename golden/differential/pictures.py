"""PNG and JPEG as Pillow writes them: modes, palettes, orientations, folders."""

import itertools
import os

import numpy as np
from PIL import Image

H, W = 18, 23
rng = np.random.default_rng(14)
count = itertools.count()
TURNS = [lambda a: a, lambda a: a[:, ::-1], lambda a: a[::-1, ::-1], lambda a: a[::-1],
         lambda a: a.swapaxes(0, 1), lambda a: a.swapaxes(0, 1)[:, ::-1],
         lambda a: a.swapaxes(0, 1)[::-1, ::-1], lambda a: a.swapaxes(0, 1)[::-1]]


def field(a):
    a = np.asarray(a).astype("f8")
    return (a if a.ndim == 3 else a[..., None]).transpose(2, 0, 1)[None]


def exif(orientation):
    tags = Image.Exif()
    tags[274] = orientation
    return tags


def png():
    for mode, repeat, orientation in itertools.product(
            ["1", "L", "LA", "RGB", "RGBA", "I;16"], range(6), [1, 2, 3, 4, 5, 6, 7, 8]):
        channels = {"LA": 2, "RGB": 3, "RGBA": 4}.get(mode, 1)
        a = rng.integers(0, 2**16 if mode == "I;16" else 256, (H, W, channels))
        a = a.astype("u2" if mode == "I;16" else "u1")
        if mode in ("LA", "RGBA"):
            a[..., -1] = 255
        pixels = a[..., 0] if channels == 1 else a
        image = Image.fromarray(pixels > 90 if mode == "1" else pixels)
        assert image.mode == mode, (image.mode, mode)
        file = f"{next(count):05}.png"
        image.save(file, optimize=bool(repeat % 2), exif=exif(orientation))
        values = TURNS[orientation - 1](a if mode != "1" else (a > 90) * 255)
        if mode in ("LA", "RGBA"):
            values = values[..., :-1]
        yield dict(address=file, values=field(values), what=f"{mode} {orientation}")
    for bits, orientation, clear in itertools.product([1, 2, 4, 8], [1, 3, 6], [False, True]):
        n = 2**bits
        a = rng.integers(0, n, (H, W)).astype("u1")
        image = Image.fromarray(a, "P")
        image.putpalette([v for i in range(n) for v in (i, 255 - i, 7 * i % 256)])
        file = f"{next(count):05}.png"
        image.save(file, bits=bits, exif=exif(orientation), **({"transparency": 0} if clear else {}))
        yield dict(address=file, values=field(TURNS[orientation - 1](a)), what=f"palette {bits}")
        ramp = Image.fromarray(a, "P")
        levels = rng.permutation(256)[:n]
        ramp.putpalette([int(v) for v in levels.repeat(3)])
        file = f"{next(count):05}.png"
        ramp.save(file, bits=bits)
        yield dict(address=file, values=field(levels[a]), what=f"greys {bits}")
    a = rng.integers(0, 256, (H, W, 4)).astype("u1")
    Image.fromarray(a).save("glassy.png")
    yield dict(address="glassy.png", refused="alpha")


def jpeg():
    smooth = np.add.outer(np.arange(H) * 5, np.arange(W) * 6) % 256
    for mode, quality, sampling, progressive, orientation in itertools.product(
            ["L", "RGB"], [75, 95], [0, 2], [False, True], [1, 3, 6, 8]):
        a = np.add.outer(np.arange(H) * 5, np.arange(W) * 6).clip(0, 255).astype("u1")
        if mode == "RGB":
            a = np.stack([a, a // 2, 255 - a], -1)
        file = f"{next(count):05}.jpg"
        Image.fromarray(a).save(file, quality=quality, subsampling=sampling, progressive=progressive,
                                exif=exif(orientation))
        back = np.asarray(Image.open(file))
        # rounding differs from libjpeg; halved colours are brought back differently
        tolerance = 2 if mode == "L" else 4 if sampling == 0 else 16
        yield dict(address=file, values=field(TURNS[orientation - 1](back)), tolerance=tolerance,
                   what=f"{mode} {quality} {sampling} {progressive} {orientation}")
    Image.fromarray(np.stack([smooth.astype("u1")] * 4, -1), "CMYK").save("cmyk.jpg")
    yield dict(address="cmyk.jpg", refused="CMYK")


def folders():
    for kind, padded, repeats in itertools.product(["png", "npy", "npz"], [False, True], [False, True]):
        folder = f"{kind}-{padded}-{repeats}"
        os.makedirs(folder)
        a = rng.integers(0, 256, (12, H, W)).astype("u1")
        if repeats:
            a[7] = a[2]
        for i, picture in enumerate(a):
            path = f"{folder}/s{i:03}.{kind}" if padded else f"{folder}/s{i}.{kind}"
            if kind == "png":
                Image.fromarray(picture).save(path)
            elif kind == "npy":
                np.save(path, picture)
            else:
                np.savez_compressed(path, x=picture)
        yield dict(address=folder, values=a[:, None])
        yield dict(address=folder, options=dict(dim=3), values=a[None, None])


def cases():
    for make in [png, jpeg, folders]:
        yield from make()
