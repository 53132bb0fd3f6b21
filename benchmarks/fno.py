#!/usr/bin/env python3
"""How fast is a training step of the FNO beside PyTorch, on this machine, in one run?

    python3 benchmarks/fno.py [--rounds 2] [--seconds 2] [--rows 32,64,32,14 ...]
                              [--kinds eager,kept,compiled,neuraloperator] [--memory]

Builds the bench `step` of crate `train`, makes a virtual environment with PyTorch and neuraloperator
where there is none, runs all in alternation (A B A B), prints the medians of the rounds and their
ratios, and appends them to benchmarks/results/fno.jsonl. A row is width, cells an axis, batch, modes
an axis; work: 4 layers of spectral convolution (rfft2, einsum on two corners, irfft2) and a 1×1
convolution, GELU, projection 128; one training step is forward, backward and AdamW, f32 throughout.

PyTorch appears three times: as users run it (eager); with an allocator that keeps its memory (kept:
glibc told never to give buffers back, page faults being half of the first row); and compiled, with
that allocator and the spectral layer left out, which does not compile. `neuraloperator` is that
package's FNO of the same width, modes, layers and projection, memory kept. With --memory every row
has a process of its own and the largest resident memory of its training steps is printed beside.
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
ROWS = ["32,28,32,14", "32,64,32,14", "32,128,8,14", "64,28,32,14", "64,64,32,14", "64,128,8,14"]
LAYERS, PROJECTION = 4, 128
KEEP = {"MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_MMAP_THRESHOLD_": str(1 << 40)}
KINDS = {"eager": {}, "kept": KEEP, "compiled": KEEP, "neuraloperator": KEEP}


def published(torch, width, modes, compiled):
    """The layer everyone uses."""

    class Spectral(torch.nn.Module):
        def __init__(self):
            super().__init__()
            shape = (width, width, modes, modes)
            new = lambda: torch.nn.Parameter(torch.randn(*shape, dtype=torch.cfloat) / width**2)
            self.low, self.high = new(), new()

        def forward(self, x):
            spectrum = torch.fft.rfft2(x)
            out = torch.zeros_like(spectrum)
            mix = lambda part, weight: torch.einsum("bixy,ioxy->boxy", part, weight)
            out[:, :, :modes, :modes] = mix(spectrum[:, :, :modes, :modes], self.low)
            out[:, :, -modes:, :modes] = mix(spectrum[:, :, -modes:, :modes], self.high)
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


def network(torch, kind, width, modes):
    if kind != "neuraloperator":
        return published(torch, width, modes, kind == "compiled")
    from neuralop.models import FNO

    class ChannelsLast(torch.nn.Module):
        def __init__(self):
            super().__init__()
            # its modes count both signs of an axis; 3 inputs and its own grid embedding are off, as ours
            self.fno = FNO(
                n_modes=(2 * modes, 2 * modes), in_channels=4, out_channels=1, hidden_channels=width,
                n_layers=LAYERS, lifting_channel_ratio=0, projection_channel_ratio=PROJECTION / width,
                positional_embedding=None,
            )

        def forward(self, x):
            return self.fno(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    return ChannelsLast()


def build(torch, row, kind):
    """(network, its inputs, target) of a row."""
    width, n, batch, modes = row
    net = network(torch, kind, width, modes)
    return net, (torch.randn(batch, n, n, 4),), torch.randn(batch, n, n, 1)


def peer(build, rows, seconds, kind):
    """Runs inside the virtual environment; prints one JSON list of (forward, step) and its memory."""
    import resource

    import torch

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results, before = [], peak()
    for row in rows:
        net, inputs, target = build(torch, [int(number) for number in row.split(",")], kind)
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
    """What [`peer`] prints, for all rows in one process of a script that calls it."""
    command = [python, script, "--peer", kind, "--seconds", str(seconds), "--rows", *rows]
    done = subprocess.run(command, env=os.environ | KINDS[kind], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{kind} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def ours(rows, seconds, network):
    """The same of the bench `step`."""
    command = ["cargo", "bench", "--workspace", "--bench", "step", "--", network, str(seconds), *rows]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the bench failed:\n{done.stderr[-2000:]}")
    lines = [line for line in done.stdout.splitlines() if line.count("|") == 2 and "²" in line]
    figures = lambda part: float(part.split()[0])
    memory = [line for line in done.stdout.splitlines() if line.startswith("peak resident")]
    table = [tuple(figures(part) for part in line.split("|")[1:]) for line in lines]
    return {"rows": table, "mebibytes": float(memory[0].split()[3])}


def environment_python():
    folder = pathlib.Path(os.environ.get("BENCHMARK_VENV", ROOT / "target" / "benchmark-venv"))
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "torch", "numpy", "neuraloperator"], check=True)
    return str(python)


def measure(rows, kinds, rounds, seconds, memory, network="fno", script=__file__):
    """Medians over the rounds by kind: [forward, step] of every row; its mebibytes; PyTorch's version.
    `network` is what the bench `step` is asked for, `script` whose [`peer`] is its like."""
    python, version = environment_python(), None
    processes = [[row] for row in rows] if memory else [rows]
    times = {name: [] for name in ["karhunen", *kinds]}
    peaks = {name: [] for name in times}
    for _ in range(rounds):
        for name in times:
            ask = (lambda r: ours(r, seconds, network)) if name == "karhunen" else None
            ask = ask or (lambda r: run_peer(python, script, r, seconds, name))
            results = [ask(part) for part in processes]
            version = results[0].get("version", version)
            times[name].append([row for result in results for row in result["rows"]])
            peaks[name].append([result["mebibytes"] for result in results])
    middle = lambda lists, *at: statistics.median(pick(one, at) for one in lists)
    median = {n: [[middle(t, i, k) for k in (0, 1)] for i in range(len(rows))] for n, t in times.items()}
    peak = {n: [middle(p, i) for i in range(len(rows))] for n, p in peaks.items()} if memory else None
    return median, peak, version


def pick(nested, at):
    for index in at:
        nested = nested[index]
    return nested


def table(what, rows, columns, unit, last):
    print(f"\n| {what} ({unit}): width, grid, batch, {last} | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for i, row in enumerate(rows):
        width, n, batch, number = row.split(",")
        base = columns["karhunen"][i]
        cells = [f"{values[i]:.1f} ({values[i] / base:.1f}×)" for values in columns.values()]
        print(f"| {width}, {n}², {batch}, {number} | " + " | ".join(cells) + " |")


def report(rows, median, peak, last="modes"):
    """Prints the tables, each ratio to karhunen."""
    for k, what in enumerate(["forward", "training step"]):
        table(what, rows, {name: [row[k] for row in values] for name, values in median.items()}, "ms", last)
    if peak:
        table("memory of a training step", rows, peak, "MiB", last)


def archive(file, rows, rounds, median, peak, version):
    """Appends one record to benchmarks/results."""
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": platform.machine(),
        "threads": os.cpu_count(),
        "torch": version,
        "rounds": rounds,
        "rows": [[int(number) for number in row.split(",")] for row in rows],
        "forward_and_step_ms": median,
    }
    if peak:
        record["step_mebibytes"] = peak
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    with open(results / file, "a") as out:
        out.write(json.dumps(record) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rows", nargs="+", default=ROWS, metavar="WIDTH,N,BATCH,MODES")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(build, arguments.rows, arguments.seconds, arguments.peer)
    kinds, rounds = arguments.kinds.split(","), arguments.rounds
    median, peak, version = measure(arguments.rows, kinds, rounds, arguments.seconds, arguments.memory)
    print(f"{os.cpu_count()} threads, PyTorch {version}, {rounds} rounds; ratios to karhunen in brackets")
    report(arguments.rows, median, peak)
    archive("fno.jsonl", arguments.rows, rounds, median, peak, version)


if __name__ == "__main__":
    main()
