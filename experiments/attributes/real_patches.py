"""Real patches of labels with a given fraction of the first phase.

    python3 real_patches.py SOURCE SIDE ASKED OUT

SOURCE is a folder of PNG slices, each cut into patches of SIDE x SIDE pixels, or a TIFF of many pages (also inside a ZIP), cut into
patches of SIDE x SIDE x SIDE voxels. Patches are half a side apart. Those whose fraction of label 0 is within 0.015 of ASKED are kept, at
most 256 of them, and written as an array of labels. Needs numpy, pillow and
tifffile.
"""

import io
import itertools
import sys
import zipfile
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image


def images(source):
    """Every slice of a folder, or one volume."""
    if source.is_dir():
        return [np.asarray(Image.open(path)) for path in sorted(source.glob("*.png"))]
    data = source.read_bytes()
    if source.suffix == ".zip":
        with zipfile.ZipFile(source) as archive:
            data = archive.read(next(name for name in archive.namelist() if name.endswith((".tif", ".tiff"))))
    return [tifffile.imread(io.BytesIO(data))]


def main():
    source, side, asked, out = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    kept = []
    for image in images(source):
        starts = [range(0, n - side + 1, side // 2) for n in image.shape]
        for start in itertools.product(*starts):
            patch = image[tuple(slice(s, s + side) for s in start)]
            if abs((patch == 0).mean() - asked) <= 0.015:
                kept.append(patch)
    if not kept:
        sys.exit(f"{source}: no patch with a fraction of {asked}")
    order = np.random.default_rng(0).permutation(len(kept))[:256]
    np.save(out, np.stack([kept[i] for i in order]))
    print(f"{len(kept)} patches with a fraction of {asked}, {len(order)} kept")


if __name__ == "__main__":
    main()
