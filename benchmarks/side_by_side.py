"""What the benchmarks beside PyTorch share: alternation, medians, ratios, memory, a line of results.

A script states its rows and how PyTorch builds the network and a batch of one; [`compare`] runs
karhunen's bench `step` and PyTorch in turn (A B A B) and prints milliseconds of a forward pass and of
a training step (forward, backward, AdamW; f32). PyTorch appears in several kinds: as users run it
(eager); with an allocator that keeps its memory (kept: glibc told never to give buffers back, page
faults being a large part of the first); compiled, with that allocator; and whatever else the script
builds, with that allocator.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEEP = {"MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_MMAP_THRESHOLD_": str(1 << 40)}


def median_ms(run, seconds):
    for _ in range(2):
        run()
    begun, times = time.perf_counter(), []
    while len(times) < 5 or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def numbers(row):
    return [int(number) for number in row.split(",")]


def peer(build, rows, seconds, kind):
    """Runs inside the virtual environment; prints one JSON list of (forward, step) and its memory."""
    import resource

    import torch

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results, before = [], peak()
    for row in rows:
        net, inputs, target = build(torch, numbers(row), kind)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-4)

        def forward():
            with torch.no_grad():
                net(*inputs)

        def step():
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(net(*inputs), target).backward()
            optimizer.step()

        results.append((median_ms(forward, seconds), median_ms(step, seconds)))
    # what importing the library takes is not the step's
    print(json.dumps({"version": torch.__version__, "rows": results, "mebibytes": peak() - before}))


def run_peer(python, script, rows, seconds, kind):
    """What [`peer`] prints, for all rows in one process."""
    command = [python, script, "--peer", kind, "--seconds", str(seconds), "--rows", *rows]
    environment = os.environ | ({} if kind == "eager" else KEEP)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{kind} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def ours(bench, rows, seconds):
    """The same of the bench `step`."""
    command = ["cargo", "bench", "--workspace", "--bench", "step", "--", str(seconds), *bench, *rows]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the bench failed:\n{done.stderr[-2000:]}")
    lines = [line for line in done.stdout.splitlines() if line.count("|") == 2 and "²" in line]
    figures = lambda part: float(part.split()[0])
    memory = [line for line in done.stdout.splitlines() if line.startswith("peak resident")]
    timed = [tuple(figures(part) for part in line.split("|")[1:]) for line in lines]
    return {"rows": timed, "mebibytes": float(memory[0].split()[3])}


def environment_python():
    folder = pathlib.Path(os.environ.get("BENCHMARK_VENV", ROOT / "target" / "benchmark-venv"))
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        packages = ["torch", "numpy", "neuraloperator"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def measure(script, bench, rows, kinds, rounds, seconds, memory):
    """Medians over the rounds by kind: [forward, step] of every row; its mebibytes, where every row
    has a process of its own; PyTorch's version."""
    python, version = environment_python(), None
    processes = [[row] for row in rows] if memory else [rows]
    times = {name: [] for name in ["karhunen", *kinds]}
    peaks = {name: [] for name in times}
    for _ in range(rounds):
        for name in times:
            results = [
                ours(bench, part, seconds)
                if name == "karhunen"
                else run_peer(python, script, part, seconds, name)
                for part in processes
            ]
            version = results[0].get("version", version)
            times[name].append([row for result in results for row in result["rows"]])
            peaks[name].append([result["mebibytes"] for result in results])
    of = range(len(rows))
    median = {
        name: [[statistics.median(r[i][k] for r in lists) for k in (0, 1)] for i in of]
        for name, lists in times.items()
    }
    peak = {name: [statistics.median(p[i] for p in lists) for i in of] for name, lists in peaks.items()}
    return median, peak if memory else None, version


def report(names, rows, median, peak):
    """Prints the tables, each ratio to karhunen."""

    def table(what, unit, columns):
        print(f"\n| {what} ({unit}): {names} | " + " | ".join(columns) + " |")
        print("|---" * (len(columns) + 1) + "|")
        for i, row in enumerate(rows):
            base = columns["karhunen"][i]
            cells = [f"{values[i]:.1f} ({values[i] / base:.2f}×)" for values in columns.values()]
            print(f"| {row.replace(',', ', ')} | " + " | ".join(cells) + " |")

    for k, what in enumerate(["forward", "training step"]):
        table(what, "ms", {name: [row[k] for row in values] for name, values in median.items()})
    if peak:
        table("memory of a training step", "MiB", peak)


def archive(stem, rows, rounds, median, peak, version):
    """Appends one record to benchmarks/results."""
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": platform.machine(),
        "threads": os.cpu_count(),
        "torch": version,
        "rounds": rounds,
        "rows": [numbers(row) for row in rows],
        "forward_and_step_ms": median,
    }
    if peak:
        record["step_mebibytes"] = peak
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    with open(results / f"{stem}.jsonl", "a") as out:
        out.write(json.dumps(record) + "\n")


def slopes(size, times):
    """d ln time / d ln size between neighbours."""
    pairs = zip(zip(size, times), zip(size[1:], times[1:]))
    return [math.log(b / a) / math.log(n / m) for (m, a), (n, b) in pairs]


def compare(script, summary, names, rows, kinds, bench, build):
    """The whole of a script: `names` says what the numbers of a row are, `bench` is what the bench
    `step` is asked for besides, `build(torch, row, kind)` gives PyTorch's (network, inputs, target)."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rows", nargs="+", default=rows, metavar=names.replace(" ", ""))
    parser.add_argument("--kinds", default=",".join(kinds), help="what PyTorch is run as")
    parser.add_argument("--memory", action="store_true", help="a process a row, with its memory")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(build, arguments.rows, arguments.seconds, arguments.peer)
    rows, rounds = arguments.rows, arguments.rounds
    median, peak, version = measure(
        script, bench, rows, arguments.kinds.split(","), rounds, arguments.seconds, arguments.memory
    )
    print(f"{os.cpu_count()} threads, PyTorch {version}, {rounds} rounds; ratios to karhunen in brackets")
    report(names, rows, median, peak)
    archive(pathlib.Path(script).stem, rows, rounds, median, peak, version)
