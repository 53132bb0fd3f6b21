#!/usr/bin/env python3
"""What does a nonlinearity without aliasing cost a training step?

    python3 benchmarks/oversampling.py [--rounds 3] [--seconds 2]

`karhunen bench` of the same network, plain and with network.oversampling = 2, in alternation, each in a
process of its own, so that the memory is its own. Prints medians and ratios; appends to
benchmarks/results/oversampling.jsonl.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess

HERE = pathlib.Path(__file__).parent
BINARY = os.environ.get("KARHUNEN", HERE.parent / "target/release/karhunen")
# width, grid, batch
ROWS = [(32, "28x28", 32), (32, "64x64", 32), (32, "128x128", 8), (32, "32x32x32", 2)]


def once(row, factor, seconds):
    width, grid, batch = row
    settings = {
        "levels": f'[{{grid="{grid}",share=1}}]',
        "training.batch": batch,
        "network.width": width,
        "network.modes": "[14]" if grid.count("x") == 1 else "[6]",
        "network.projection": 128,
        "network.oversampling": factor,
    }
    command = [str(BINARY), "bench", "--json", "--seconds", str(seconds)]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    print("| width, grid, batch | plain | oversampled | step, ratio | share of the product peak | memory |")
    print("|---|---|---|---|---|---|")
    rows = []
    for row in ROWS:
        found = {1: [], 2: []}
        for _ in range(arguments.rounds):
            for factor in found:
                found[factor].append(once(row, factor, arguments.seconds))
        plain, finer = (
            {
                **{
                    key: statistics.median(f["levels"][0][key] for f in found[factor])
                    for key in ("step_ms", "network_ms", "gflops", "share_of_peak")
                },
                "mebibytes": statistics.median(f["peak_memory"] for f in found[factor]) / 2**20,
            }
            for factor in (1, 2)
        )
        ratio = finer["step_ms"] / plain["step_ms"]
        print(
            f"| {', '.join(map(str, row))} | {plain['step_ms']:.1f} ms | {finer['step_ms']:.1f} ms | {ratio:.2f} "
            f"| {plain['share_of_peak']:.0%}, {finer['share_of_peak']:.0%} "
            f"| {plain['mebibytes']:.0f}, {finer['mebibytes']:.0f} MiB |",
            flush=True,
        )
        rows.append({"row": row, "plain": plain, "oversampled": finer, "ratio": ratio})
    archive = {
        "date": datetime.date.today().isoformat(),
        "machine": platform.machine(),
        "threads": os.cpu_count(),
        "rounds": arguments.rounds,
        "rows": rows,
    }
    with open(HERE / "results/oversampling.jsonl", "a") as file:
        file.write(json.dumps(archive) + "\n")


if __name__ == "__main__":
    main()
