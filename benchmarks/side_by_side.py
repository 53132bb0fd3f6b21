"""What the benchmarks beside PyTorch share: alternation, medians, ratios, a line of results.

A script states its rows and how PyTorch builds the network and a batch of one; `compare` runs
karhunen's bench `step` and PyTorch in turn (A B A B) and prints milliseconds of a forward pass and of
a training step (forward, backward, AdamW; f32). PyTorch appears three times: as users run it; with an
allocator that keeps its memory (glibc told never to give buffers back: page faults are a large part
of the first); and compiled, with that allocator.
"""

import argparse
import json
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


def peer(build, rows, seconds, compiled):
    """Runs inside the virtual environment; prints one JSON list of (forward, step)."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    results = []
    for row in rows:
        net, inputs, target = build(torch, row, compiled)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-4)

        def forward():
            with torch.no_grad():
                net(*inputs)

        def step():
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(net(*inputs), target).backward()
            optimizer.step()

        results.append((median_ms(forward, seconds), median_ms(step, seconds)))
    print(json.dumps({"version": torch.__version__, "rows": results}))


def run_peer(python, script, rows, seconds, compiled, environment):
    command = [python, script, "--peer", "--seconds", str(seconds), "--rows", rows]
    command += ["--compiled"] if compiled else []
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"PyTorch failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def ours(rows, arguments):
    """(forward, step) medians of the bench `step`, whose rows stand in the script's order."""
    command = ["cargo", "bench", "--workspace", "--bench", "step", "--", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the bench failed:\n{done.stderr[-2000:]}")
    lines = [line for line in done.stdout.splitlines() if line.count("|") == 2 and "²" in line]
    figures = lambda part: float(part.split()[0])
    table = [tuple(figures(part) for part in line.split("|")[1:]) for line in lines]
    return [table[row] for row in rows]


def environment_python():
    folder = pathlib.Path(os.environ.get("BENCHMARK_VENV", ROOT / "target" / "benchmark-venv"))
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "torch", "numpy"], check=True)
    return str(python)


def compare(script, summary, all_rows, width_name, bench, build):
    """The whole of a script: `all_rows` are (width, side of the grid, batch), `bench` what the bench
    `step` is asked for besides seconds, `build(torch, row, compiled)` PyTorch's (network, inputs,
    target)."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rows", default=",".join(str(i) for i in range(len(all_rows))))
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--compiled", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    chosen = [int(i) for i in arguments.rows.split(",")]
    if arguments.peer:
        return peer(build, [all_rows[i] for i in chosen], arguments.seconds, arguments.compiled)

    python, seconds, rows = environment_python(), arguments.seconds, arguments.rows
    kinds = {"eager": (False, {}), "eager, memory kept": (False, KEEP)}
    if not arguments.no_compile:
        kinds["compiled, memory kept"] = (True, KEEP)
    times = {name: [] for name in ["karhunen", *kinds]}
    for _ in range(arguments.rounds):
        times["karhunen"].append(ours(chosen, [str(seconds), *bench]))
        for name, (compiled, environment) in kinds.items():
            result = run_peer(python, script, rows, seconds, compiled, environment)
            times[name].append(result["rows"])
    median = {
        name: [[statistics.median(r[i][k] for r in rounds) for k in (0, 1)] for i in range(len(chosen))]
        for name, rounds in times.items()
    }
    print(f"{os.cpu_count()} threads, PyTorch {result['version']}, {arguments.rounds} rounds; ms (ratio to karhunen)")
    for k, what in enumerate(["forward", "training step"]):
        print(f"\n| {what}: {width_name}, grid, batch | " + " | ".join(median) + " |")
        print("|---" * (len(median) + 1) + "|")
        for i, row in enumerate(chosen):
            width, n, batch = all_rows[row]
            base = median["karhunen"][i][k]
            cells = [f"{m[i][k]:.1f} ({m[i][k] / base:.2f}×)" for m in median.values()]
            print(f"| {width}, {n}², {batch} | " + " | ".join(cells) + " |")
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": platform.machine(),
        "threads": os.cpu_count(),
        "torch": result["version"],
        "rounds": arguments.rounds,
        "rows": [all_rows[row] for row in chosen],
        "forward_and_step_ms": median,
    }
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    with open(results / (pathlib.Path(script).stem + ".jsonl"), "a") as file:
        file.write(json.dumps(record) + "\n")
