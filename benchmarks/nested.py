#!/usr/bin/env python3
"""How fast is a training step of the nested network beside PyTorch, on this machine, in one run?

    python3 benchmarks/nested.py [--rounds 5] [--seconds 1] [--rows 2,32,28,32 ...] [--threads 1,2]
                                 [--kinds eager,kept,last,compiled] [--karhunen PROGRAM]

Builds the program unless one is given, makes a virtual environment with PyTorch where there is none,
and runs `karhunen bench` and PyTorch in turn, row by row: ours, every kind, ours, every kind. It
prints medians over the rounds with their ratios and the memory of both, and appends a line for each
row to benchmarks/results/nested.jsonl. A row is dimension, width of all stages, cells an axis, batch.
Levels are a quarter, a half and all of the cells, with 6, 4 and 2 blocks; walls all around; kernels of
5 cells in dimension 2 and of 3 in dimension 3. Both sides do forward pass, loss, backward pass,
clipping, AdamW and one average of the weights, in f32. Neither makes its batch within the time.

The network of PyTorch is that of nested_peer.py. That it is ours is tested with golden/nested.py.
Kinds: as users run it (eager); with an allocator that keeps its memory and AdamW fused (kept); with
channels last in memory besides (last); that one compiled (compiled).

With one thread all processes run on one core, and times are processor times, so that others on this
core do not count: `karhunen bench` is made to read them by processor_time.c. With more threads times
are elapsed ones. The peak is that of a product of two square matrices of side 1536, measured in the
program and in PyTorch.
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

from side_by_side import KEEP, ROOT, environment_python, numbers

ROWS = ["2,32,28,32", "2,64,28,32", "2,32,64,16", "2,64,64,8", "3,32,32,1", "3,64,32,1"]
KINDS = ["eager", "kept", "last", "compiled"]
BLOCKS, SIDE = [6, 4, 2], 1536
FEWEST = 3


def levels(row):
    dim, _, cells, _ = row
    return [[cells // part] * dim for part in (4, 2, 1)]


def memory(key):
    """A line of the system's account of this process, in MiB."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def peer(kind, row, threads, seconds):
    """Runs inside the virtual environment: a line of JSON for each line it is given."""
    import torch

    from nested_peer import Nested

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter

    def timed(run, seconds):
        run()
        begun, times = time.perf_counter(), []
        while len(times) < FEWEST or time.perf_counter() - begun < seconds:
            start = clock()
            run()
            times.append(1e3 * (clock() - start))
        return times

    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    with torch.no_grad():
        peak = 2e-6 * SIDE**3 / min(timed(lambda: a @ b, 0.5))
    before = memory("VmRSS")
    dim, width, cells, batch = row
    kernel, last = 3 if dim == 3 else 5, kind in ("last", "compiled")
    net = Nested(levels(row), [width] * 3, BLOCKS, kernel, last=last)
    weights = list(net.parameters())
    average = [weight.detach().clone() for weight in weights]
    fused = {} if kind == "eager" else {"fused": True}
    optimizer = torch.optim.AdamW(weights, lr=1e-6, weight_decay=1e-4, **fused)
    answer = torch.compile(net) if kind == "compiled" else net
    x, target = torch.randn(2, batch, 1, *[cells] * dim)
    half_log_snr = torch.linspace(-4, 4, batch, dtype=torch.float64)

    def step():
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(answer(x, half_log_snr), target).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, weights, 0.01)

    step()
    if threads == 1:
        os.sched_setaffinity(0, {core()})
    # what compiling took is not the step's
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    for _ in sys.stdin:
        found = {"step_ms": statistics.median(timed(step, seconds)), "product_peak": peak}
        found["mebibytes"] = memory("VmHWM") - before
        found["parameters"] = sum(weight.numel() for weight in weights)
        found["version"] = torch.__version__
        print(json.dumps(found), flush=True)


def core():
    """Where one thread runs."""
    return min(os.sched_getaffinity(0))


class Peer:
    """A process of PyTorch that waits until it is asked."""

    def __init__(self, python, kind, row, threads, seconds):
        command = [python, __file__, "--peer", kind, "--rows", row]
        command += ["--threads", str(threads), "--seconds", str(seconds)]
        # on a machine shared with others, threads that wait at work would hold up those they wait for
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}
        environment |= {} if kind == "eager" else KEEP
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("PyTorch failed")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def ours(program, row, threads, seconds, clock):
    """The same of `karhunen bench`, whose last level is the row's grid."""
    _, width, _, batch = row
    grids = ["x".join(map(str, cells)) for cells in levels(row)]
    shares = ", ".join(f'{{grid = "{grid}", share = {1 / len(grids)}}}' for grid in grids)
    settings = [
        "network.kind=nested", f"network.width=[{width}]", f"network.blocks={BLOCKS}",
        f"training.batch={batch}", "training.optimizer=adamw", "training.ema=[0.05]", "sampling.evaluations=2",
        f"levels=[{shares}]",
    ]
    command = [program, "bench", "--json", "--seconds", str(seconds)]
    command += [part for setting in settings for part in ("--set", setting)]
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
    environment |= {"LD_PRELOAD": clock} if threads == 1 else {}
    stay = (lambda: os.sched_setaffinity(0, {core()})) if threads == 1 else None
    done = subprocess.run(
        command, env=environment, preexec_fn=stay, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"karhunen bench failed:\n{done.stderr[-2000:]}")
    speed = json.loads(done.stdout)
    level = speed["levels"][-1]
    return {
        "step_ms": level["network_ms"] + level["optimizer_ms"],
        "with_batch_ms": level["step_ms"],
        "gigaflops": level["gflops"] * level["step_ms"] / 1e3,
        "product_peak": speed["product_peak"],
        "mebibytes": speed["peak_memory"] / 2**20,
        "parameters": speed["parameters"],
    }


def build():
    command = ["cargo", "build", "--release", "--bin", "karhunen"]
    subprocess.run(command, cwd=ROOT, check=True)
    return str(ROOT / "target" / "release" / "karhunen")


def processor_clock():
    source = ROOT / "benchmarks" / "processor_time.c"
    library = ROOT / "target" / "processor_time.so"
    library.parent.mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)


def measure(program, clock, kinds, row, threads, arguments):
    """Medians over the rounds, by kind."""
    python = environment_python()
    peers = {kind: Peer(python, kind, row, threads, arguments.seconds) for kind in kinds}
    for waiting in peers.values():
        waiting.ask()
    rounds = {"karhunen": [], **{kind: [] for kind in kinds}}
    for _ in range(arguments.rounds):
        found = ours(program, numbers(row), threads, arguments.seconds, clock)
        rounds["karhunen"].append(found)
        for kind, waiting in peers.items():
            rounds[kind].append(waiting.ask())
    for waiting in peers.values():
        waiting.end()
    counts = {found[-1]["parameters"] for found in rounds.values()}
    if len(counts) > 1:
        sys.exit(f"networks differ: {counts} parameters")
    version = rounds[kinds[0]][-1].pop("version")
    middle = lambda found, key: statistics.median(one[key] for one in found)
    keys = {kind: [key for key in found[-1] if key != "version"] for kind, found in rounds.items()}
    return version, {k: {key: middle(rounds[k], key) for key in keys[k]} for k in rounds}


def line(row, found):
    """A row of the table."""
    own, peers = found["karhunen"], {k: v for k, v in found.items() if k != "karhunen"}
    times = {kind: values["step_ms"] / own["step_ms"] for kind, values in peers.items()}
    rate = 1e3 * own["gigaflops"] / own["step_ms"]
    large = max(values["product_peak"] for values in peers.values())
    shares = [100 * rate / peak for peak in (own["product_peak"], large)]
    cells = [
        row.replace(",", ", "), f"{own['step_ms']:.0f}",
        *(f"{time:.2f}" for time in times.values()),
        f"{rate:.0f}", f"{shares[0]:.0f} %, {shares[1]:.0f} %",
        f"{own['mebibytes']:.0f}",
        *(f"{values['mebibytes'] / own['mebibytes']:.1f}" for values in peers.values()),
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rows", nargs="+", default=ROWS, metavar="DIM,WIDTH,CELLS,BATCH")
    parser.add_argument("--kinds", default=",".join(KINDS), help="what PyTorch is run as")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--karhunen", help="the program, if it need not be built")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        row, threads = numbers(arguments.rows[0]), int(arguments.threads)
        return peer(arguments.peer, row, threads, arguments.seconds)
    kinds, clock = arguments.kinds.split(","), processor_clock()
    program = arguments.karhunen or build()
    heads = ["dimension, width, cells, batch", "ours, ms", *(f"{kind}, times" for kind in kinds)]
    heads += ["GFLOP/s", "of the peak: own, PyTorch's", "ours, MiB"]
    heads += [f"{kind}, times" for kind in kinds]
    for threads in numbers(arguments.threads):
        print(f"\n{threads} thread(s)\n| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
        for row in arguments.rows:
            version, found = measure(program, clock, kinds, row, threads, arguments)
            print(line(row, found), flush=True)
            record = {
                "date": time.strftime("%Y-%m-%d"),
                "machine": platform.machine(),
                "threads": threads,
                "time": "processor" if threads == 1 else "elapsed",
                "torch": version,
                "rounds": arguments.rounds,
                "row": numbers(row),
                "medians": found,
            }
            with open(ROOT / "benchmarks" / "results" / "nested.jsonl", "a") as out:
                out.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
