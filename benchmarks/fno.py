#!/usr/bin/env python3
"""How fast is a training step of the FNO beside PyTorch, on this machine, in one run?

    python3 benchmarks/fno.py [--rounds 2] [--seconds 2] [--rows 0,1,2,3,4,5] [--no-compile]

Builds the bench `step` of crate `train`, makes a virtual environment with PyTorch where there is
none, runs both in alternation (A B A B), prints the medians of the rounds and their ratios, and
appends them to benchmarks/results/fno.jsonl. Work: width × grid × batch, 14 modes an axis, 4 layers
of spectral convolution (rfft2, einsum on two corners, irfft2) and a 1×1 convolution, GELU, projection
128; one training step is forward, backward and AdamW, f32 throughout.

PyTorch appears three times: as users run it; with an allocator that keeps its memory (glibc told
never to give buffers back: page faults are half of the first row); and compiled, with that allocator
and the spectral layer left out, which does not compile.
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
ROWS = [(32, 28, 32), (32, 64, 32), (32, 128, 8), (64, 28, 32), (64, 64, 32), (64, 128, 8)]
MODES, LAYERS, PROJECTION = 14, 4, 128
KEEP = {"MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_MMAP_THRESHOLD_": str(1 << 40)}


def network(torch, width, compiled):
    """The layer everyone uses."""

    class Spectral(torch.nn.Module):
        def __init__(self):
            super().__init__()
            shape = (width, width, MODES, MODES)
            new = lambda: torch.nn.Parameter(torch.randn(*shape, dtype=torch.cfloat) / width**2)
            self.low, self.high = new(), new()

        def forward(self, x):
            spectrum = torch.fft.rfft2(x)
            out = torch.zeros_like(spectrum)
            mix = lambda part, weight: torch.einsum("bixy,ioxy->boxy", part, weight)
            out[:, :, :MODES, :MODES] = mix(spectrum[:, :, :MODES, :MODES], self.low)
            out[:, :, -MODES:, :MODES] = mix(spectrum[:, :, -MODES:, :MODES], self.high)
            return torch.fft.irfft2(out, s=x.shape[-2:])

    class Fno(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lift = torch.nn.Linear(4, width)
            self.spectral = torch.nn.ModuleList(Spectral() for _ in range(LAYERS))
            self.skip = torch.nn.ModuleList(torch.nn.Conv2d(width, width, 1) for _ in range(LAYERS))
            self.project = torch.nn.Linear(width, PROJECTION)
            self.output = torch.nn.Linear(PROJECTION, 1)

        def forward(self, x):
            h = self.lift(x).permute(0, 3, 1, 2)
            for i, (spectral, skip) in enumerate(zip(self.spectral, self.skip)):
                h = spectral(h) + skip(h)
                if i + 1 < LAYERS:
                    h = torch.nn.functional.gelu(h)
            h = torch.nn.functional.gelu(self.project(h.permute(0, 2, 3, 1)))
            return self.output(h)

    if compiled:
        Spectral.forward = torch.compiler.disable(Spectral.forward)
    net = Fno()
    return torch.compile(net) if compiled else net


def median_ms(run, seconds):
    for _ in range(2):
        run()
    begun, times = time.perf_counter(), []
    while len(times) < 5 or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def peer(rows, seconds, compiled):
    """Runs inside the virtual environment; prints one JSON list of (forward, step)."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    results = []
    for width, n, batch in rows:
        net = network(torch, width, compiled)
        x, target = torch.randn(batch, n, n, 4), torch.randn(batch, n, n, 1)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-4)

        def forward():
            with torch.no_grad():
                net(x)

        def step():
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(net(x), target).backward()
            optimizer.step()

        results.append((median_ms(forward, seconds), median_ms(step, seconds)))
    print(json.dumps({"version": torch.__version__, "rows": results}))


def run_peer(python, rows, seconds, compiled, environment):
    command = [python, __file__, "--peer", "--seconds", str(seconds), "--rows", rows]
    command += ["--compiled"] if compiled else []
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"PyTorch failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def ours(rows, seconds):
    """(forward, step) medians of the bench `step`, whose rows stand in the order of ROWS."""
    command = ["cargo", "bench", "--workspace", "--bench", "step", "--", str(seconds)]
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rows", default=",".join(str(i) for i in range(len(ROWS))))
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--compiled", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    chosen = [int(i) for i in arguments.rows.split(",")]
    if arguments.peer:
        return peer([ROWS[i] for i in chosen], arguments.seconds, arguments.compiled)

    python, seconds, rows = environment_python(), arguments.seconds, arguments.rows
    kinds = {"eager": (False, {}), "eager, memory kept": (False, KEEP)}
    if not arguments.no_compile:
        kinds["compiled, memory kept"] = (True, KEEP)
    times = {name: [] for name in ["karhunen", *kinds]}
    for _ in range(arguments.rounds):
        times["karhunen"].append(ours(chosen, seconds))
        for name, (compiled, environment) in kinds.items():
            result = run_peer(python, rows, seconds, compiled, environment)
            times[name].append(result["rows"])
    median = {
        name: [[statistics.median(r[i][k] for r in rounds) for k in (0, 1)] for i in range(len(chosen))]
        for name, rounds in times.items()
    }
    print(f"{os.cpu_count()} threads, PyTorch {result['version']}, {arguments.rounds} rounds; ms (ratio to karhunen)")
    for k, what in enumerate(["forward", "training step"]):
        print(f"\n| {what}: width, grid, batch | " + " | ".join(median) + " |")
        print("|---" * (len(median) + 1) + "|")
        for i, row in enumerate(chosen):
            width, n, batch = ROWS[row]
            base = median["karhunen"][i][k]
            cells = [f"{m[i][k]:.1f} ({m[i][k] / base:.1f}×)" for m in median.values()]
            print(f"| {width}, {n}², {batch} | " + " | ".join(cells) + " |")
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": platform.machine(),
        "threads": os.cpu_count(),
        "torch": result["version"],
        "rounds": arguments.rounds,
        "rows": [ROWS[row] for row in chosen],
        "forward_and_step_ms": median,
    }
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    with open(results / "fno.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")


main()
