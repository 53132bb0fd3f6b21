"""Cuts the SiC slices into three phases: 0 dark, 1 middle, 2 bright.

    python3 segment.py SLICES OUT

A slice is smoothed by a median over 5x5 pixels. Two thresholds, the same for all slices, come from Otsu's
method on all of them. Regions of fewer than 30 pixels, and films at most 3 pixels thick of the middle
phase between the two others, go to the phase around them: films come from blur and are no phase.
Needs numpy, scipy, scikit-image and pillow.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_multiotsu

source, out = map(Path, sys.argv[1:3])
out.mkdir(parents=True, exist_ok=True)
paths = sorted(source.glob("img0*.png"))
smooth = [ndimage.median_filter(np.asarray(Image.open(p).convert("L")), 5) for p in paths]
thresholds = threshold_multiotsu(np.stack(smooth), 3)
counts = np.zeros(3)


def nearest(labels, hole):
    """Labels with those in `hole` replaced by the nearest ones outside it."""
    at = ndimage.distance_transform_edt(hole, return_distances=False, return_indices=True)
    return labels[tuple(at)]


for path, values in zip(paths, smooth):
    labels = np.digitize(values, thresholds).astype(np.uint8)
    middle = labels == 1
    film = middle & ~ndimage.binary_opening(middle, iterations=2)
    labels = nearest(labels, film)
    small = np.zeros(labels.shape, bool)
    for phase in range(3):
        regions, _ = ndimage.label(labels == phase)
        sizes = np.bincount(regions.ravel())
        small |= (regions > 0) & (sizes[regions] < 30)
    labels = nearest(labels, small)
    counts += np.bincount(labels.ravel(), minlength=3)
    Image.fromarray(labels).save(out / path.name)
print(f"thresholds {thresholds}, fractions {np.round(counts / counts.sum(), 4)}")
