#!/usr/bin/env python3
"""What does a nonlinearity without aliasing cost a training step?

    python3 benchmarks/oversampling.py [--rounds 3] [WIDTH,N,BATCH …]

Processor time of a training step on one thread: what a run of some steps takes beyond one of fewer, plain and
with network.oversampling = 2, in alternation, so that a shared machine may be used. Fields are random
numbers of N x N cells. Prints medians and ratios, operations a second of the algorithm's products and the
largest resident memory; appends each row to benchmarks/results/oversampling.jsonl.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import statistics
import struct
import tempfile

HERE = pathlib.Path(__file__).parent
BINARY = os.environ.get("KARHUNEN", str(HERE.parent / "target/release/karhunen"))
ROWS = ["32,64,32", "32,28,32", "32,128,8"]
FEW, MORE = 4, 25


def fields(path, count, cells):
    """Random fields as an NPY file."""
    shape = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {cells}, {cells}), }}"
    header = shape.ljust(117).encode() + b"\n"
    draw = random.Random(0)
    values = [draw.gauss(0, 1) for _ in range(count * cells * cells)]
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    path.write_bytes(content + struct.pack(f"<{len(values)}f", *values))


def run(folder, row, factor, steps):
    """(seconds of the processor, bytes, operations) of a run."""
    width, cells, batch = row
    settings = {
        "data.source": folder / "fields.npy",
        "levels": f'[{{grid="{cells}x{cells}",share=1}}]',
        "training.batch": batch,
        "training.steps": steps,
        "training.validation_fields": 8,
        "network.width": width,
        "network.modes": "[14]",
        "network.projection": 128,
        "network.oversampling": factor,
    }
    out = tempfile.mkdtemp(dir=folder)
    os.rmdir(out)
    command = [BINARY, "train", "--quiet", "--threads", "1", "--out", out]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    child = os.spawnvp(os.P_NOWAIT, BINARY, command)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    ledger = json.loads((pathlib.Path(out) / "ledger.json").read_text())
    operations = sum(level["flops"] for level in ledger["levels"])
    return used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss, operations


def step(folder, row, factor):
    few, more = (run(folder, row, factor, steps) for steps in (FEW, FEW + MORE))
    return (more[0] - few[0]) / MORE, more[1], (more[2] - few[2]) / MORE


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("rows", nargs="*", default=ROWS)
    arguments = parser.parse_args()
    print("| width, grid, batch | plain step | oversampled | ratio | operations, ratio | GFLOP/s | memory |")
    print("|---|---|---|---|---|---|---|")
    for text in arguments.rows:
        row = [int(number) for number in text.split(",")]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            fields(folder / "fields.npy", 2 * row[2], row[1])
            found = {1: [], 2: []}
            for _ in range(arguments.rounds):
                for factor in found:
                    found[factor].append(step(folder, row, factor))
        plain, finer = ([statistics.median(column) for column in zip(*found[f])] for f in (1, 2))
        rates = [operations / seconds / 1e9 for seconds, _, operations in (plain, finer)]
        print(
            f"| {text} | {1e3 * plain[0]:.1f} ms | {1e3 * finer[0]:.1f} ms | {finer[0] / plain[0]:.2f} "
            f"| {finer[2] / plain[2]:.2f} | {rates[0]:.0f}, {rates[1]:.0f} "
            f"| {plain[1] / 2**20:.0f}, {finer[1] / 2**20:.0f} MiB |",
            flush=True,
        )
        archive = {
            "date": datetime.date.today().isoformat(),
            "machine": platform.machine(),
            "row": row,
            "modes": 14,
            "rounds": arguments.rounds,
            "seconds_bytes_operations": {"plain": found[1], "oversampled": found[2]},
            "ratio": finer[0] / plain[0],
        }
        with open(HERE / "results/oversampling.jsonl", "a") as file:
            file.write(json.dumps(archive) + "\n")


if __name__ == "__main__":
    main()
