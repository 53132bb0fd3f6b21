#!/usr/bin/env python3
"""Kills (SIGKILL) training and every command that writes, and looks at what is left.

    python3 campaigns/kill.py --program target/release/karhunen --kills 1000
    python3 campaigns/kill.py --program target/release/karhunen --operations

At random moments, by default half of the kills in training; or, with --operations, before every operation on files, one
after another, and in the middle of every write (Linux on x86-64: `tracer.c`). After each kill:

- training, and a distillation of a model: every checkpoint that has its name is whole, the newest is no older than it was before, the configuration
  is not empty; the same command goes on, and the run that has been killed again and again ends in the same
  bits as one that was left alone (weights, averages, moments, statistics, counters);
- other commands: each name that was asked for is as it was, not there, or complete; a model that was being replaced
  still is one; the same command, run again, writes the same bits.

A small model on 8 x 8 and 12 x 12 cells, a checkpoint after every step. Standard library only. The exit code is 1 if
anything is wrong.
"""

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path

from common import (
    DISTIL, LONGER, TRAIN, Findings, Wrong, bases, check, checkpoints, commands, compiled, end, killed, operations_of,
    state, traced, visible, works)


def looked_at(folder, before):
    """The run of a folder after a kill; its newest step."""
    found = checkpoints(folder / "run")
    newest = max(found, default=-1)
    check(newest >= before, f"the newest checkpoint is of step {newest}, there was one of step {before}")
    if found:
        check((folder / "run" / "config.toml").read_text().strip(), "config.toml is empty")
    return newest


def seconds_of(program, arguments, folder):
    begun = time.monotonic()
    works(program, arguments, folder)
    return time.monotonic() - begun


def run_at_random(program, base, work, kills, chance, wrong, what=("training", TRAIN)):
    """Runs of a training, or of a distillation, that are killed at random moments until they end."""
    name, arguments = what
    alone = shutil.copytree(base / name, work / f"alone-{name}")
    took = seconds_of(program, arguments, alone)
    expected, done, runs = state(alone / "run"), 0, 0
    while done < kills:
        folder = shutil.copytree(base / name, work / "killed")
        newest, tries = -1, 0
        try:
            while done < kills and tries < 40:
                tries += 1
                if not killed(program, arguments, folder, chance.uniform(0, took)):
                    break
                done += 1
                newest = looked_at(folder, newest)
            works(program, arguments, folder)
            runs += 1
            now = state(folder / "run")
            other = {k: (v, now[k]) for k, v in expected.items() if now[k] != v}
            check(not other, f"after {tries} kills the run differs from one left alone in {sorted(other)}")
            left = [p.name for p in (folder / "run" / "checkpoints").iterdir() if not p.name.isdigit()]
            check(not left, f"left behind: {left}")
        except Wrong as fault:
            wrong.append(f"{name}, kill {done}: {fault}")
        shutil.rmtree(folder)
    print(f"{name}: {done} kills at random moments, {runs} runs ended", flush=True)
    return done


def command_at_random(program, command, base, work, kills, chance, wrong):
    folder = command.folder(base, work / "whole")
    before = visible(folder)
    took = seconds_of(program, command.arguments, folder)
    complete, done, tries = visible(folder), 0, 0
    while done < kills and tries < 20 * kills + 20:
        tries += 1
        folder = command.folder(base, work / "killed")
        if not killed(program, command.arguments, folder, chance.uniform(0, took)):
            continue
        done += 1
        after_kill(program, command, folder, before, complete, wrong, f"kill {done}")
    print(f"{command.name}: {done} kills at random moments", flush=True)
    return done


def after_kill(program, command, folder, before, complete, wrong, when):
    """What must hold after a command was killed, and that it works when it is run again."""
    try:
        command.whole(before, visible(folder), complete)
        if command.name.startswith("export over"):
            works(program, ["sample", "--model", "given", "--count", "1", "--evaluations", "2", "--grid", "12x12",
                            "--out", "z.npy"], folder)
            (folder / "z.npy").unlink()
        command.again(program, folder)
        now = visible(folder)
        if command.exact:
            differing = [n for n in complete if now.get(n) != complete[n] and "/calibrations/" not in n]
            check(not differing, f"run again, it writes other bits: {differing}")
        else:
            named = {n for n in complete if "/calibrations/" not in n}
            check(now.keys() >= named, f"run again, it writes {sorted(now)}")
    except Wrong as what:
        wrong.append(f"{command.name}, {when}: {what}")


def operations(program, tracer, base, work, wrong):
    """A kill before every operation, and in the middle of every write."""
    done, log = 0, work / "log"
    for name, arguments, prepared in [
        ("training", TRAIN, None),
        ("a run that goes on", TRAIN, "half"),
        ("a run that goes on for longer", LONGER, "ended"),
    ]:
        begins = shutil.copytree(base / "short", work / "begins")
        if prepared == "half":
            # torn in the middle: a run as a killed process leaves it
            traced(tracer, program, TRAIN, begins, "kill", 90, log)
        if prepared == "ended":
            works(program, TRAIN, begins)
        alone = shutil.copytree(begins, work / "alone")
        kinds = operations_of(tracer, program, arguments, alone, log)
        expected, newest = state(alone / "run"), max(checkpoints(begins / "run"), default=-1)
        for at, kind in enumerate(kinds, 1):
            for mode in ["kill", "tear"] if kind == "write" else ["kill"]:
                folder = shutil.copytree(begins, work / "killed")
                try:
                    code, err = traced(tracer, program, arguments, folder, mode, at, log)
                    check(code in (0, 137), f"exit code {code}: {err}")
                    done += code == 137
                    looked_at(folder, newest)
                    works(program, arguments, folder)
                    check(state(folder / "run") == expected, "other bits than a run left alone")
                except Wrong as what:
                    last = log.read_text().splitlines()[-1]
                    wrong.append(f"{name}, {mode} at operation {last}: {what}")
                shutil.rmtree(folder)
        print(f"{name}: killed at each of {len(kinds)} operations", flush=True)
        shutil.rmtree(begins)
        shutil.rmtree(alone)
    for command in commands():
        folder = command.folder(base, work / "whole")
        before = visible(folder)
        kinds = operations_of(tracer, program, command.arguments, folder, log)
        complete = visible(folder)
        for at, kind in enumerate(kinds, 1):
            for mode in ["kill", "tear"] if kind == "write" else ["kill"]:
                folder = command.folder(base, work / "killed")
                code, err = traced(tracer, program, command.arguments, folder, mode, at, log)
                done += code == 137
                if code not in (0, 137):
                    wrong.append(f"{command.name}, {mode} at operation {at}: exit code {code}: {err}")
                after_kill(program, command, folder, before, complete, wrong, f"{mode} at operation {at} ({kind})")
        print(f"{command.name}: killed at each of {len(kinds)} operations", flush=True)
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=lambda p: str(Path(p).resolve()))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["training", "commands"], help="kills at random moments of these alone")
    parser.add_argument("--operations", action="store_true")
    asked = parser.parse_args()
    if asked.operations and asked.only:
        parser.error("--only is for kills at random moments")
    chance, wrong = random.Random(asked.seed), Findings()
    with tempfile.TemporaryDirectory(prefix="karhunen-kill-") as made:
        work = Path(made)
        base = bases(asked.program, work / "bases")
        if asked.operations:
            done = operations(asked.program, compiled("tracer.c", work), base, work, wrong)
            end("kill at every operation", f"{done} kills", wrong)
        share = {"training": asked.kills, "commands": 0, None: asked.kills // 2}[asked.only]
        done = 0
        for what, part in [(("training", TRAIN), share - share // 4), (("distillation", DISTIL), share // 4)]:
            done += run_at_random(asked.program, base, work, part, chance, wrong, what) if part else 0
        rest = commands() if asked.only != "training" else []
        for i, command in enumerate(rest):
            share = (asked.kills - done) // (len(rest) - i)
            done += command_at_random(asked.program, command, base, work, share, chance, wrong)
        end("kill at random moments", f"{done} kills", wrong)


if __name__ == "__main__":
    main()
