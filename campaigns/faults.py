#!/usr/bin/env python3
"""Makes operations on files fail, one after another, in training and every command that writes.

    python3 campaigns/faults.py --program target/release/karhunen
    python3 campaigns/faults.py --program target/release/karhunen --errors ENOSPC --every 7

For every operation on files (opening for writing, writing, forcing to disk, renaming, removing, making folders; Linux
on x86-64: `tracer.c`) the command is run again with that operation failing: once with each error, and, for a full
disk, that one and all that follow. A write may also do half of its bytes. Each time:

- the command ends with exit code 1 or 2 and one line that says what is wrong, or it does without what failed (a lock's
  name, a calibration to keep) and its files are complete;
- no name that was asked for is half written, and what was there before is there;
- where the fault is gone, the same command works, and writes the same bits.

And of one run without faults: a file that gets its name by renaming was forced to disk before, and its folder
afterwards, so that a crash of the machine loses nothing that was told to be written.

Standard library only. The exit code is 1 if anything is wrong.
"""

import argparse
import errno
import shutil
import tempfile
from pathlib import Path

from common import (
    LONGER, TRAIN, Findings, Wrong, bases, check, checkpoints, commands, compiled, end, one_line, operations_of, state,
    traced, visible, works)

ERRORS = ["ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT"]


def durable(log):
    """Renames whose file was not forced to disk before, or whose folder was not afterwards."""
    lines = [line.split(" ", 2)[1:] for line in log.read_text().splitlines()]
    found = []
    for i, (kind, file) in enumerate(lines):
        if kind != "rename" or any(part.startswith(".re") for part in file.split("/")):
            continue
        folder = file.rsplit("/", 1)[0] if "/" in file else "."
        after = [f for k, f in lines[i + 1:] if k == "fsync"]
        written = [j for j, (k, f) in enumerate(lines[:i]) if k == "write" and ".lock" not in f]
        forced_last = any(k == "fsync" for k, _ in lines[written[-1]:i]) if written else True
        if folder not in after or not forced_last:
            found.append(file)
    return found


class Training:
    """Training as a command: what must hold of its directory."""

    def __init__(self, name, arguments, prepare):
        self.name, self.arguments, self.prepare = name, arguments, prepare

    def begin(self, program, base, to):
        folder = shutil.copytree(base / "short", to)
        for arguments in self.prepare:
            works(program, arguments, folder)
        return folder


TRAININGS = [
    Training("training", TRAIN, []),
    Training("a run that goes on for longer", LONGER, [TRAIN]),
]


def faults_of(kinds, errors, every):
    """What is made to fail: mode, operation, error."""
    for at, kind in enumerate(kinds, 1):
        if at % every:
            continue
        for name in errors:
            yield "once", at, name
        yield "ever", at, "ENOSPC"
        if kind == "write":
            yield "half", at, "ENOSPC"


def training(program, tracer, base, work, how, errors, every, wrong):
    begins = how.begin(program, base, work / "begins")
    log, alone = work / "log", shutil.copytree(begins, work / "alone")
    kinds = operations_of(tracer, program, how.arguments, alone, log)
    for file in durable(log):
        wrong.append(f"{how.name}: {file} is not durable")
    expected, newest, tried = state(alone / "run"), max(checkpoints(begins / "run"), default=-1), 0
    for mode, at, name in faults_of(kinds, errors, every):
        folder = shutil.copytree(begins, work / "faulty")
        tried += 1
        try:
            code, err = traced(tracer, program, how.arguments, folder, mode, at, log, getattr(errno, name))
            one_line(code, err)
            found = checkpoints(folder / "run")
            check(max(found, default=-1) >= newest, "checkpoints are gone")
            check(mode != "half" or code == 0, f"half a write ends it: {err}")
            check(code or state(folder / "run") == expected, "it ended well, with other bits")
            works(program, how.arguments, folder)
            check(state(folder / "run") == expected, "once the fault is gone, other bits than a run left alone")
        except Wrong as what:
            lines = log.read_text().splitlines()
            wrong.append(f"{how.name}, {mode} {name} at `{lines[min(at, len(lines)) - 1] if lines else ''}`: {what}")
        shutil.rmtree(folder)
    print(f"{how.name}: {tried} faults in {len(kinds)} operations", flush=True)
    shutil.rmtree(begins)
    shutil.rmtree(alone)
    return tried


def writing(program, tracer, base, work, command, errors, every, wrong):
    folder, log = command.folder(base, work / "whole"), work / "log"
    before = visible(folder)
    kinds = operations_of(tracer, program, command.arguments, folder, log)
    for file in durable(log):
        wrong.append(f"{command.name}: {file} is not durable")
    complete, tried = visible(folder), 0
    for mode, at, name in faults_of(kinds, errors, every):
        folder = command.folder(base, work / "faulty")
        tried += 1
        try:
            code, err = traced(tracer, program, command.arguments, folder, mode, at, log, getattr(errno, name))
            one_line(code, err)
            now = visible(folder)
            command.whole(before, now, complete)
            check(mode != "half" or code == 0, f"half a write ends it: {err}")
            named = {n for n in complete if "/calibrations/" not in n}
            check(code or now.keys() >= named, f"it ended well without {complete.keys() - now.keys()}")
            command.again(program, folder)
        except Wrong as what:
            lines = log.read_text().splitlines()
            wrong.append(f"{command.name}, {mode} {name} at `{lines[min(at, len(lines)) - 1] if lines else ''}`: {what}")
    print(f"{command.name}: {tried} faults in {len(kinds)} operations", flush=True)
    return tried


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=lambda p: str(Path(p).resolve()))
    parser.add_argument("--errors", nargs="+", default=ERRORS, choices=ERRORS)
    parser.add_argument("--every", type=int, default=1, help="only each N-th operation")
    parser.add_argument("--only", help="only what has this in its name")
    asked = parser.parse_args()
    wrong, tried = Findings(), 0
    with tempfile.TemporaryDirectory(prefix="karhunen-faults-") as made:
        work = Path(made)
        base, tracer = bases(asked.program, work / "bases"), compiled("tracer.c", work)
        for how in (h for h in TRAININGS if (asked.only or "") in h.name):
            tried += training(asked.program, tracer, base, work, how, asked.errors, asked.every, wrong)
        for command in (c for c in commands() if (asked.only or "") in c.name):
            tried += writing(asked.program, tracer, base, work, command, asked.errors, asked.every, wrong)
    end("faults", f"{tried} faults", wrong)


if __name__ == "__main__":
    main()
