"""What the campaigns share: a small model, every command that writes, what counts as whole."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

# A run of a tenth of a second, whose checkpoints follow each step.
TINY = """
seed = 1
[data]
source = "builtin:spinodal"
count = 16
[network]
width = 4
modes = [2]
layers = 1
[training]
batch = 4
steps = {steps}
validations = 3
snapshots = 5
checkpoint_seconds = 0.0001
tensorboard = true
[[levels]]
grid = "8x8"
share = 0.6
[[levels]]
grid = "12x12"
share = 0.4
"""
STEPS = 24
# Where everything is done again for each operation.
FEW = 5
TRAIN = ["train", "--config", "tiny.toml", "--out", "run"]
DISTIL = ["distil", "given", "--evaluations", "2", "--trajectories", "24", "--batch", "4", "--out", "run"]
LONGER = ["train", "--config", "longer.toml", "--out", "run"]

# What a checkpoint holds that no clock changes.
ARRAYS = ["weights.safetensors", "ema.safetensors", "optimizer.safetensors", "statistics.safetensors"]
TIMED = {"elapsed", "ledger", "plan"}


class Wrong(Exception):
    """Something that must not be."""


def check(holds, message):
    if not holds:
        raise Wrong(message)


def environment():
    kept = {k: v for k, v in os.environ.items() if k != "RUST_LOG"}
    return {**kept, "RAYON_NUM_THREADS": "1", "RUST_BACKTRACE": "0"}


def run(program, arguments, folder, timeout=300, variables=None):
    """The program to its end, with more environment variables: exit code and standard error."""
    done = subprocess.run(
        [program, *arguments], cwd=folder, env={**environment(), **(variables or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=timeout)
    return done.returncode, done.stderr.decode(errors="replace")


def works(program, arguments, folder):
    code, err = run(program, arguments, folder)
    check(code == 0, f"{' '.join(map(str, arguments))}: exit code {code}\n{err}")


def started(program, arguments, folder):
    return subprocess.Popen([program, *arguments], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed(program, arguments, folder, seconds):
    """Whether it was still at work when it was killed."""
    process = started(program, arguments, folder)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def traced(tracer, program, arguments, folder, mode, at, log, errno=0):
    """The program under `tracer.c`: exit code and standard error."""
    return run(tracer, [log, folder, mode, str(at), str(errno), "--", program, *arguments], folder)


def operations_of(tracer, program, arguments, folder, log):
    """The names of the operations on files, in their order, of a run without any fault."""
    code, err = traced(tracer, program, arguments, folder, "count", 0, log)
    check(code == 0, f"{' '.join(arguments)}, without a fault: exit code {code}\n{err}")
    return [line.split()[1] for line in log.read_text().splitlines()]


def one_line(code, err):
    """Whether a command that failed says so as it should."""
    check("panicked" not in err, f"panicked: {err}")
    if code == 0:
        return
    check(code in (1, 2), f"exit code {code}: {err}")
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    check(len(lines) == 1, f"{len(lines)} lines begin with `error: `: {err}")


def compiled(source, to, *options):
    """A helper in C beside this file, built."""
    target = to / Path(source).stem
    if "-shared" in options:
        target = target.with_suffix(".so")
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-Wall", *options, "-o", target, HERE / source], check=True)
    return target


def checkpoints(run_folder):
    """Every checkpoint that has its name, with its manifest; each must be whole."""
    folder, found = run_folder / "checkpoints", {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not path.name.isdigit():
            continue
        try:
            manifest = json.loads((path / "manifest.json").read_text())
            for name, size in manifest["files"].items():
                there = (path / name).stat().st_size
                check(there == size, f"{path / name}: {there} bytes, the manifest says {size}")
        except (OSError, ValueError) as error:
            raise Wrong(f"a checkpoint that is none: {error}") from error
        found[int(path.name)] = manifest
    return found


def content(path):
    """What a safetensors file says, whatever the order of the names in its metadata, and a sum of its values."""
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    return json.loads(whole[8:8 + length]), hashlib.sha256(whole[8 + length:]).hexdigest()


def state(run_folder):
    """What the newest checkpoint says, without times: two runs of one configuration must agree."""
    found = checkpoints(run_folder)
    check(found, f"{run_folder}: no checkpoint")
    step = max(found)
    folder = run_folder / "checkpoints" / f"{step:08}"
    sums = {name: content(folder / name) for name in ARRAYS}
    progress = {k: v for k, v in found[step]["progress"].items() if k not in TIMED}
    return {"step": step, "progress": progress, "updates": found[step]["updates"], **sums}


def visible(folder):
    """Files and folders that a user sees, with what files hold."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") for part in parts) and path.is_file():
            found["/".join(parts)] = path.read_bytes()
    return found


class Command:
    """A command that writes, from a folder that is copied for every try.

    `exact` says that what it writes is the same bits each time; otherwise `ends` are the last bytes of its files.
    """

    def __init__(self, name, arguments, begins="model", exact=True, ends=None):
        self.name, self.arguments, self.begins = name, arguments.split(), begins
        self.exact, self.ends = exact, ends

    def folder(self, bases, to):
        if to.exists():
            shutil.rmtree(to)
        shutil.copytree(bases / self.begins, to)
        return to

    def whole(self, before, after, complete):
        """After an interruption each file is as it was, not there, or complete."""
        for name, content in after.items():
            # kept for the next sampling, by whoever samples
            if "/calibrations/" in name:
                continue
            expected = complete.get(name)
            same = content == expected if self.exact else expected is not None and content.endswith(self.ends)
            check(content == before.get(name) or same,
                  f"{self.name}: {name} is neither as it was nor complete ({len(content)} bytes)")
        for name in before:
            check(name in after or self.name.startswith("export over") or name.endswith(".raw.toml"),
                  f"{self.name}: {name} was there and is gone")

    def again(self, program, folder):
        """Runs it once more, where nothing fails; what an interrupted one has completed may be there."""
        can = self.name.startswith(("prior", "sample", "report", "classifier", "evaluate"))
        more = ["--force"] if can and "--force" not in self.arguments else []
        code, err = run(program, self.arguments + more, folder)
        check(code == 0 or (code == 2 and "exists already" in err), f"run again: exit code {code}\n{err}")


PRIOR = "prior matern --length 0.1 --smoothness 1.5 --grid 24x24 --count 3 --out"
SAMPLE = "sample --model run --count 4 --evaluations 2 --grid 12x12"


def commands():
    """Every command that writes files, but for training, which has rules of its own."""
    made = [Command(f"prior .{ending}", f"{PRIOR} new/x.{ending}", "empty")
            for ending in ["npy", "npz", "vti", "tif", "h5", "raw", "png"]]
    made += [
        Command("prior over a file", f"{PRIOR} x.npy --force --seed 9", "files"),
        Command("prior over raw values", f"{PRIOR} x.raw --force", "files"),
        Command("sample", f"{SAMPLE} --out x.npy"),
        Command("sample in numbered files", f"{SAMPLE} --out x-{{index}}.tif"),
        Command("export", "export --model run --out given"),
        Command("export over a model", "export --model run --ema 0.1 --out given --force", "exported"),
        Command("inspect --write", "inspect x.npy --write plan.toml", "files"),
        Command("report", "report run --count 8 --no-distinguish --out page.html",
                exact=False, ends=b"</html>\n"),
        Command("classifier", "classifier --source builtin:shapes --grid 8x8 --steps 3 --out c.safetensors", "empty"),
        Command("evaluate --picture",
                "evaluate --reference builtin:spinodal --reference-count 16 --samples y.npy --picture p.png"),
        Command("generate man", "generate man --out pages", "empty"),
    ]
    return made


def bases(program, folder):
    """The folders that commands begin in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ["empty", "files", "model", "exported", "training", "distillation", "short"]:
        (folder / name).mkdir(exist_ok=True)
    (folder / "training" / "tiny.toml").write_text(TINY.format(steps=STEPS))
    (folder / "short" / "tiny.toml").write_text(TINY.format(steps=FEW))
    (folder / "short" / "longer.toml").write_text(TINY.format(steps=FEW + 2))
    works(program, f"{PRIOR} x.npy".split(), folder / "files")
    # of another shape than what replaces it
    works(program, f"{PRIOR} x.raw".replace("--count 3", "--count 5").split(), folder / "files")
    works(program, ["train", "--config", "../training/tiny.toml", "--out", "run"], folder / "model")
    # the calibration that the first sampling keeps
    works(program, f"{SAMPLE} --out y.npy".split(), folder / "model")
    shutil.copytree(folder / "model", folder / "exported", dirs_exist_ok=True)
    works(program, ["export", "--model", "run", "--out", "given"], folder / "exported")
    shutil.copytree(folder / "exported" / "given", folder / "distillation" / "given")
    return folder


class Findings(list):
    """What is wrong, told at once."""

    def append(self, line):
        print(f"WRONG  {line}", flush=True)
        super().append(line)


def end(name, tried, wrong):
    print(f"{name}: {tried}, {len(wrong)} wrong", flush=True)
    sys.exit(1 if wrong else 0)
