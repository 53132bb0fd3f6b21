"""Writes a stack of grey slices, as a CT scanner would: bright grains in a dark matrix, with noise.

    python3 make_slices.py FOLDER              # grey values with noise
    python3 make_slices.py FOLDER --labels     # segmented: 0 in the matrix, 255 in grains

Only the standard library is used. The stack has 40 slices of 128x128 pixels, 8 bits each, as PNG.
"""

import random
import struct
import sys
import zlib
from pathlib import Path

SLICES, ROWS, COLUMNS = 40, 128, 128
DARK, BRIGHT, NOISE = 70, 170, 8


def volume():
    """Grains of random radius at random places; True inside a grain."""
    draw = random.Random(1)
    inside = [[bytearray(COLUMNS) for _ in range(ROWS)] for _ in range(SLICES)]
    for _ in range(240):
        radius = draw.uniform(5.0, 10.0)
        z, y, x = (draw.uniform(0, n) for n in (SLICES, ROWS, COLUMNS))
        for k in range(max(0, int(z - radius)), min(SLICES, int(z + radius) + 1)):
            for j in range(max(0, int(y - radius)), min(ROWS, int(y + radius) + 1)):
                rest = radius**2 - (k - z) ** 2 - (j - y) ** 2
                if rest > 0:
                    first = max(0, int(x - rest**0.5))
                    last = min(COLUMNS, int(x + rest**0.5) + 1)
                    inside[k][j][first:last] = b"\1" * max(0, last - first)
    return inside


def png(rows):
    """An 8-bit grey PNG of these rows of bytes."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def main():
    folder = Path(sys.argv[1])
    labels = "--labels" in sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(2)
    for number, layer in enumerate(volume()):
        if labels:
            grey = [[255 if v else 0 for v in row] for row in layer]
        else:
            grey = [
                [(BRIGHT if v else DARK) + int(noise.gauss(0, NOISE)) for v in row]
                for row in layer
            ]
        (folder / f"slice{number:03}.png").write_bytes(png(grey))


main()
