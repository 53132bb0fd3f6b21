#!/usr/bin/env python3
"""Runs the cells of the tables in docs/results.md; started by run.sh, which sets KARHUNEN.

A *training* is data x network x prior x scheme x seed, a *cell* one comparison of its samples: grid x
sampler x evaluations x count; plan() is the order. Every result is one line appended to
results/trainings.jsonl or results/cells.jsonl; a cell that has its line is not run again, one that
failed has a line that says how. Models and samples stay in runs/tables/.

Seconds are processor seconds of the command, what it takes alone on one core; wall-clock time would
tell what else the machine was doing.
"""

import argparse
import dataclasses
import fcntl
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
RUNS = pathlib.Path("runs/tables")

DATA = {
    # configuration, source, reference (None: built in, the held-out part of the source)
    "mnist": ("mnist.toml", "mnist/train-images-idx3-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz"),
    "fashion": (
        "mnist.toml",
        "fashion-mnist/train-images-idx3-ubyte.gz",
        "fashion-mnist/t10k-images-idx3-ubyte.gz",
    ),
    "sic": ("sic.toml", "materials/sic_diamonds", "materials/sic_diamonds"),
    "fitzhugh-nagumo": ("fitzhugh-nagumo.toml", None, None),
}

# A row a network; an option of the operator (network.local=depthwise) is one more line here and its name in
# a training of plan().
NETWORKS = {
    "fno": [],
    "anti-aliased": ["network.oversampling=2"],
    "unet": ["network={kind=\"unet\",channels=16,multipliers=[1,2],blocks=1,groups=4}"],
}
# A step of the U-Net takes three times as long as the operator's: a third of the steps, the same seconds.
UNET_STEPS = {"mnist": 1300, "sic": 1000}

# Factors make the published covariances' variance at a point 1 on 28x28 cells, the data's own, with
# their published powers and proportions (Laplacian 10 to truncated 0.5).
PRIORS = {
    "fitted": ["prior={kind=\"fitted\"}"],
    "standard": ["prior={kind=\"standard\"}"],
    "laplacian": ["prior={kind=\"laplacian\",scale=1.33,power=0.55}"],
    "bessel": ["prior={kind=\"bessel\",gamma=8.0,scale=1.44,power=0.55}"],
    "fno": ["prior={kind=\"truncated\",cutoff=12,scale=0.0977}"],
    "combined": [
        "prior={kind=\"combined\",cutoff=12,truncated=0.0443,laplacian=0.886,power=0.55}"
    ],
}

# "published": the network is the score, sees t as an input channel and coordinates with end points,
# and learns at uniform times. What stays ours: point values instead of values times the root
# of a cell's volume, and the start from the law of X_T.
SCHEMES = {
    "ours": [],
    "published": [
        "training.preconditioning=none",
        "training.time_density={kind=\"uniform\"}",
        "network.conditioning=input-channel",
        "network.coordinates=endpoints",
    ],
}


@dataclasses.dataclass(frozen=True)
class Training:
    data: str
    network: str = "fno"
    prior: str = "fitted"
    scheme: str = "ours"
    seed: int = 0

    @property
    def name(self):
        return f"{self.data}/{self.network}/{self.prior}/{self.scheme}/seed-{self.seed}"

    @property
    def folder(self):
        return RUNS / self.name.replace("/", "-")


@dataclasses.dataclass(frozen=True)
class Cell:
    training: Training
    grid: str
    sampler: str = "dpm++2m"
    evaluations: int = 20
    count: int = 1024

    @property
    def name(self):
        return f"{self.training.name}/{self.grid}/{self.sampler}-{self.evaluations}/n-{self.count}"


def grids(training):
    """The trained grid and twice its cells, never seen in training."""
    cells = {"sic": 32, "fitzhugh-nagumo": 32}.get(training.data, 28)
    return [Cell(training, f"{n}x{n}") for n in (cells, 2 * cells)]


def fourfold(training):
    """Four times the trained cells; fewer fields, each takes sixteen times as long."""
    cells = {"sic": 128, "fitzhugh-nagumo": 128}.get(training.data, 112)
    return [Cell(training, f"{cells}x{cells}", count=256)]


def plan():
    """Every cell, the telling ones first."""
    first = ["fitted", "standard", "laplacian"]
    rest = ["bessel", "fno", "combined"]
    digits = Training("mnist")
    samplers = ["heun", "dpm++2m", "wiener-exponential"]
    cells = []
    for prior in ["fitted", "standard"]:
        cells += grids(Training("mnist", prior=prior))
    cells += [Cell(digits, "28x28", s, n) for n in (10, 5, 20, 50) for s in samplers]
    cells.append(Cell(digits, "28x28", "euler-maruyama", 200))
    cells += grids(Training("mnist", prior="laplacian"))
    published = Training("mnist", prior="laplacian", scheme="published")
    cells.append(Cell(published, "28x28", "euler-maruyama", 200))
    cells.append(Cell(published, "28x28", "dpm++2m", 20))
    for prior in first:
        cells += grids(Training("sic", prior=prior))
    for prior in first:
        cells += grids(Training("mnist", prior=prior, seed=1))
    cells += grids(Training("fitzhugh-nagumo"))
    for prior in rest:
        cells += grids(Training("mnist", prior=prior))
    for prior in first:
        cells += fourfold(Training("mnist", prior=prior)) + fourfold(Training("sic", prior=prior))
    cells.append(Cell(published, "56x56", "euler-maruyama", 200))
    standard = Training("mnist", prior="standard", scheme="published")
    cells += [Cell(standard, f"{n}x{n}", "euler-maruyama", 200) for n in (28, 56)]
    for prior in ["fitted", "standard"]:
        cells += grids(Training("mnist", network="anti-aliased", prior=prior))
    cells += grids(Training("sic", network="anti-aliased"))
    cells += grids(Training("fashion"))
    for prior in ["standard", "fitted"]:
        cells.append(Cell(Training("mnist", network="unet", prior=prior), "28x28", count=512))
        cells.append(Cell(Training("mnist", network="unet", prior=prior), "56x56", count=128))
        cells.append(Cell(Training("sic", network="unet", prior=prior), "32x32", count=512))
        cells.append(Cell(Training("sic", network="unet", prior=prior), "64x64", count=128))
    for prior in first:
        cells += grids(Training("sic", prior=prior, seed=1))
    for prior in ["standard", "laplacian"]:
        cells += grids(Training("fitzhugh-nagumo", prior=prior))
        cells += grids(Training("fashion", prior=prior))
    for prior in rest:
        cells += grids(Training("sic", prior=prior))
    cells += fourfold(Training("fitzhugh-nagumo"))
    cells.append(Cell(digits, "28x28", "euler-maruyama", 1000))
    return list(dict.fromkeys(cells))


class Failed(Exception):
    """A command that said why and stopped."""


def measured(command):
    """Runs a command; its standard output and processor seconds."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = child.communicate()
    except KeyboardInterrupt:
        child.wait()
        raise
    if child.returncode < 0 or child.returncode == 130:
        sys.exit(f"stopped: {' '.join(command)}")
    if child.returncode == 2:
        sys.exit(f"{' '.join(command)}\n{err}")
    if child.returncode:
        raise Failed(next((l for l in err.splitlines() if l.startswith("error")), err.strip()))
    return out


def processor_seconds():
    times = os.times()
    return times.children_user + times.children_system


class Tables:
    def __init__(self, threads):
        self.karhunen = os.environ["KARHUNEN"]
        self.data = pathlib.Path(os.environ["KARHUNEN_DATA"])
        self.threads = ["--threads", str(threads), "--quiet"]
        self.trained = read(RESULTS / "trainings.jsonl")
        self.done = read(RESULTS / "cells.jsonl")

    def run(self, *arguments):
        before = processor_seconds()
        out = measured([self.karhunen, *map(str, arguments), *self.threads])
        return out, round(processor_seconds() - before, 2)

    def train(self, training):
        """The model of a training, made unless runs/ has it."""
        if training.name in self.trained and training.folder.exists():
            return
        base, source, _ = DATA[training.data]
        # tables show what network and sampler give on a grid, not what calibration and band mend
        settings = [f"seed={training.seed}", "sampling.calibration=none", "sampling.band=grid", "sampling.sharpness=1"]
        settings += [f"data.source={self.data / source}"] if source else []
        # a network of another kind replaces the operator's table
        network = NETWORKS[training.network]
        if training.network == "unet":
            settings += [f"training.steps={UNET_STEPS[training.data]}"]
        settings += network + PRIORS[training.prior] + SCHEMES[training.scheme]
        arguments = [part for s in settings for part in ("--set", s)]
        resumed = training.folder.exists()
        _, seconds = self.run(
            "train", "--config", HERE / base, "--out", training.folder, *arguments
        )
        ledger = json.loads((training.folder / "ledger.json").read_text())
        if training.name not in self.trained:
            keep = ("grid", "steps", "loss", "validation_loss")
            row = {
                "training": training.name,
                # of a run that was stopped in between only the last part is known
                "seconds": None if resumed else seconds,
                "levels": [{k: level[k] for k in keep} for level in ledger["levels"]],
            }
            self.trained[training.name] = append(RESULTS / "trainings.jsonl", row)

    def compare(self, cell):
        """Samples, and what `evaluate` says of them."""
        training = cell.training
        _, source, reference = DATA[training.data]
        samples = training.folder / "samples.npy"
        row = {"cell": cell.name, **dataclasses.asdict(training), "made_at": cell.grid}
        row |= {"sampler": cell.sampler, "evaluations": cell.evaluations}
        try:
            self.train(training)
            # fields of seed 1: seeds of a sample and of a training are independent
            _, row["seconds"] = self.run(
                *["sample", "--model", training.folder, "--grid", cell.grid],
                *["--count", cell.count, "--seed", 1, "--sampler", cell.sampler],
                *["--evaluations", cell.evaluations, "--calibration", "none", "--band", "grid"],
                *["--out", samples, "--force"],
            )
            where = self.data / reference if reference else "builtin:" + training.data
            out, _ = self.run(
                *["evaluate", "--reference", where, "--samples", samples],
                *["--model", training.folder, "--reference-count", 2 * cell.count, "--json"],
            )
            row |= kept(json.loads(out))
        except Failed as failed:
            row["failed"] = str(failed)
        samples.unlink(missing_ok=True)
        self.done[cell.name] = append(RESULTS / "cells.jsonl", row)


MEASURES = [
    "energy_distance",
    "sliced_wasserstein",
    "spectrum_log_error",
    "spectrum_log_error_beyond",
    "histogram_distance",
    "cross_channel_error",
    "two_point_error",
    "variance_ratio",
    "specific_surface_ratio",
]


def kept(comparison):
    """The columns of the tables with their floors, of the samples and of the baselines."""

    def of(row):
        keys = [k for m in MEASURES for k in (m, m + "_floor") if row.get(k) is not None]
        # six digits are what floors can tell
        return {k: float(f"{row[k]:.6g}") for k in keys}

    row = {"judged_at": comparison["grid"], "count": comparison["count"]}
    row |= {"reference_count": comparison["reference_count"], **of(comparison)}
    for baseline in ["gaussian_surrogate", "zero_padded", "training_fields"]:
        if baseline in comparison:
            row[baseline] = of(comparison[baseline])
    return row


def read(path):
    """Rows of a results file by name."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {row.get("cell") or row["training"]: row for row in rows}


def append(path, row):
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="the cells and which are done")
    parser.add_argument("--only", nargs="+", default=[""], help="cells whose name holds one of these")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    tables = Tables(arguments.threads)
    cells = [cell for cell in plan() if any(text in cell.name for text in arguments.only)]
    if arguments.list:
        for cell in cells:
            print("done" if cell.name in tables.done else "    ", cell.name)
        return
    RUNS.mkdir(parents=True, exist_ok=True)
    with (RUNS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("the tables are being made already")
        left = [cell for cell in cells if cell.name not in tables.done]
        for number, cell in enumerate(left, 1):
            print(f"{number} of {len(left)}: {cell.name}", flush=True)
            tables.compare(cell)


main()
