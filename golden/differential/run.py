"""Differential reading: some thousand small files, read here and by the libraries users read them with.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 tifffile==2026.3.3 \\
        imagecodecs==2026.3.6 pillow==13.0.0 vtk==9.7.2
    cargo build --release -p karhunen-formats --example values
    venv/bin/python golden/differential/run.py target/release/examples/values [tiff pictures plain]

Each module beside this file makes files in an empty folder, with the values that its library reads from them,
or with words of the refusal that is meant. Every value is compared. Prints what disagrees; exit status 1 if
anything does. HDF5, NetCDF, Zarr and MATLAB: arrays.py, run by itself.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter

import numpy as np

# roundings of text and fractions
SPACING_TOLERANCE = 1e-6


def read(binary, cases, folder):
    """What the readers here make of the cases: (said, values or None) each."""
    lines = ["\t".join([c["address"], *(f"{k}={v}" for k, v in c.get("options", {}).items())])
             for c in cases]
    out = os.path.join(folder, "out")
    done = subprocess.run([os.path.abspath(binary), out], input="\n".join(lines) + "\n", text=True,
                          capture_output=True, cwd=folder)
    if done.returncode:
        raise SystemExit(done.stderr)
    for number, line in enumerate(done.stdout.splitlines()):
        said, values = json.loads(line), None
        if "error" not in said:
            values = np.fromfile(os.path.join(out, f"{number}.f64"), "<f8").reshape(said["shape"])
        yield said, values


def differs(case, said, values):
    """Why a case disagrees, or None."""
    refused = case.get("refused")
    if values is None:
        return None if refused and refused in said["error"] else said["error"]
    if refused:
        return f"read, though it should be refused with {refused!r}"
    expected = np.asarray(case["values"])
    if expected.shape != values.shape:
        return f"shape {values.shape}, not {expected.shape}"
    wide = expected.astype("f8")
    with np.errstate(over="ignore", invalid="ignore"):
        single = expected.astype("f4").astype("f8")
        near = np.abs(values - wide) <= case.get("tolerance", 1e-12 * np.abs(wide))
    same = (values == single) | near | (np.isnan(values) & np.isnan(wide))
    if not same.all():
        at = tuple(int(i) for i in np.argwhere(~same)[0])
        return f"{(~same).sum()} of {same.size} values, the first at {at}: {values[at]}, not {expected[at]}"
    for key, told in (("spacing", "spacing"), ("unit", "length")):
        if key in case:
            wanted, found = case[key], said[told]
            if key == "spacing" and wanted is not None and found is not None:
                if np.allclose(wanted, found, rtol=SPACING_TOLERANCE):
                    continue
            if wanted != found:
                return f"{key} {found}, not {wanted}"
    return None


def main():
    binary, names = sys.argv[1], sys.argv[2:] or ["tiff", "pictures", "plain"]
    wrong, total = Counter(), 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            here = os.getcwd()
            os.chdir(folder)
            cases = list(importlib.import_module(name).cases())
            os.chdir(here)
            for case, (said, values) in zip(cases, read(binary, cases, folder), strict=True):
                why = differs(case, said, values)
                if why:
                    wrong[name] += 1
                    print(f"{name}: {case['address']} {case.get('options', '')} {case.get('what', '')}: {why}")
            refused = sum("refused" in case for case in cases)
            print(f"{name}: {len(cases)} files, {refused} to be refused, {wrong[name]} disagree")
            total += len(cases)
    print(f"{total} files in all, {sum(wrong.values())} disagree")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
