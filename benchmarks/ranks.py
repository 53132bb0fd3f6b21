#!/usr/bin/env python3
"""Efficiency of a training by ranks, one thread each, and what a model of its cost says of more of them.

    benchmarks/ranks.py --program target/release/karhunen --config run.toml --ranks 1,2 --rounds 5
    benchmarks/ranks.py --program … --launcher 'mpirun -n {ranks} --host a,b'   # other machines
    benchmarks/ranks.py --model --parameters 1e6 --share 0.1     # the model alone: seconds of a rank's own pieces

Rounds alternate between the numbers of ranks, so that whatever else the machine does meets all alike; medians are
told. Seconds are those of training steps in the run's ledger. Standard library only.
"""

import argparse
import json
import math
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

LAUNCHER = "mpirun --oversubscribe --allow-run-as-root --bind-to core -n {ranks}"
NETWORKS = {"100 Gb/s, 2 µs": (2e-6, 12.5e9), "10 Gb/s, 20 µs": (20e-6, 1.25e9), "1 Gb/s, 50 µs": (50e-6, 0.125e9)}
# small broadcasts of a step: clock and signals
BROADCASTS = 6


def communication(ranks, parameters, latency, bandwidth):
    """Seconds of a step with others: an exchange and a gather of segments, and small broadcasts."""
    if ranks == 1:
        return 0.0
    sent = 2 * (1 - 1 / ranks) * 4 * parameters
    # a message to each other rank, and a ring, each of ranks - 1 turns
    return sent / bandwidth + (2 * (ranks - 1) + BROADCASTS * math.ceil(math.log2(ranks))) * latency


def told_model(parameters, share):
    print(f"own pieces {share:.3f} s a step, {parameters:.3g} parameters, {8 * parameters / 1e6:.2f} MB sent a step by each of many ranks")
    print(f"{'ranks':>6}" + "".join(f"{name:>24}" for name in NETWORKS))
    for ranks in (2, 4, 8, 16, 32, 64):
        cells = []
        for latency, bandwidth in NETWORKS.values():
            spent = communication(ranks, parameters, latency, bandwidth)
            cells.append(f"{1e3 * spent:8.2f} ms {100 * share / (share + spent):6.1f} %")
        print(f"{ranks:>6}" + "".join(f"{cell:>24}" for cell in cells))


def run(program, launcher, config, settings, ranks, threads):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        line = shlex.split(launcher.format(ranks=ranks)) if ranks > 1 else []
        line += [program, "train", "--out", str(out), "--threads", str(threads)]
        line += ["--config", config] if config else []
        for setting in settings:
            line += ["--set", setting]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{shlex.join(line)}\n{done.stderr}")
        ledger = json.loads((out / "ledger.json").read_text())["levels"]
        events = [json.loads(text) for text in (out / "events.jsonl").read_text().splitlines()]
        seconds, steps = sum(level["seconds"] for level in ledger), sum(level["steps"] for level in ledger)
        told = [text for text in done.stderr.splitlines() if "ranks," in text]
        return seconds / steps, max(event.get("sent") or 0 for event in events), told


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="target/release/karhunen")
    parser.add_argument("--config")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--ranks", default="1,2")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--launcher", default=LAUNCHER)
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--parameters", type=float, default=1e6)
    parser.add_argument("--share", type=float, default=0.1)
    options = parser.parse_args()
    if options.model:
        return told_model(options.parameters, options.share)
    numbers = [int(n) for n in options.ranks.split(",")]
    found = {n: [] for n in numbers}
    for turn in range(options.rounds):
        for ranks in numbers:
            step, sent, told = run(
                str(Path(options.program).resolve()), options.launcher, options.config, options.settings, ranks, options.threads
            )
            found[ranks].append((step, sent))
            print(f"round {turn + 1}: {ranks} ranks, {1e3 * step:.1f} ms a step", *told, flush=True)
    ratios = lambda n: [a / b for (a, _), (b, _) in zip(found[numbers[0]], found[n])]
    for n in numbers:
        step, sent = statistics.median(s for s, _ in found[n]), max(b for _, b in found[n])
        speed = statistics.median(ratios(n))
        print(f"{n} ranks: {1e3 * step:.1f} ms a step, {sent} bytes sent by rank 0, {speed:.2f}x (rounds {', '.join(f'{r:.2f}' for r in ratios(n))})")


if __name__ == "__main__":
    main()
