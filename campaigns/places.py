#!/usr/bin/env python3
"""Places that cannot be written to, clocks that are set back, processes that want one place.

    python3 campaigns/places.py --program target/release/karhunen

- a disk of little room (tmpfs) at every size from none to enough: training and every command that writes end in one
  line with exit code 1, or well; nothing half written; with room again the run goes on to the same bits;
- a disk that can only be read; a disk with a quota (Btrfs in a file, by btrfs-progs) where the system can make one;
- standard output and standard error whose reader goes away at once;
- a clock that is set back by a year before a run goes on, or in the middle of it: the same bits, nothing refused;
- many processes that begin to train in one directory, or to write one file, at the same moment, again and again: one
  works, the others are refused with exit code 2; after all of them were killed a new one is not.

Disks need the rights to mount; what cannot be had is skipped and said. Standard library only. The exit code is 1 if
anything is wrong.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

from common import (
    TINY, TRAIN, Findings, Wrong, bases, check, checkpoints, commands, compiled, end, environment, killed, one_line,
    run, state, visible, works)


@contextmanager
def disk(kind, options, place, source="none"):
    """A disk at a place, until the block ends in whatever way; whether the system made it."""
    place.mkdir(exist_ok=True)
    made = not subprocess.run(["mount", "-t", kind, "-o", options, source, place], stderr=subprocess.PIPE).returncode
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", place], check=True)


def little_room(program, base, work, expected, wrong, few=False):
    """Every command on a disk of every size that is too small."""
    place, tried = work / "disk", 0
    with disk("tmpfs", "size=64k", place) as made:
        if not made:
            print("skipped: no rights to mount a disk", flush=True)
            return 0
    for kib in [0, 24, 96] if few else [0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384]:
        with disk("tmpfs", "size=8m", place) as made:
            check(made, "no second disk can be mounted")
            folder = shutil.copytree(base / "training", place / "work")
            fill(place, kib * 1024)
            tried += 1
            try:
                code, err = run(program, TRAIN, folder)
                one_line(code, err)
                checkpoints(folder / "run")
                (place / "filler").unlink()
                works(program, TRAIN, folder)
                check(state(folder / "run") == expected, "with room again, other bits")
            except Wrong as what:
                wrong.append(f"training with {kib} KiB left: {what}")
    for command in commands():
        begun = command.folder(base, work / "whole")
        before = visible(begun)
        works(program, command.arguments, begun)
        complete = visible(begun)
        for kib in [4] if few else [0, 4, 8, 16, 32, 64, 128]:
            with disk("tmpfs", "size=8m", place) as made:
                check(made, "no second disk can be mounted")
                folder = shutil.copytree(base / command.begins, place / "work")
                fill(place, kib * 1024)
                tried += 1
                try:
                    code, err = run(program, command.arguments, folder)
                    one_line(code, err)
                    command.whole(before, visible(folder), complete)
                    (place / "filler").unlink()
                    command.again(program, folder)
                except Wrong as what:
                    wrong.append(f"{command.name} with {kib} KiB left: {what}")
    print(f"little room: {tried} commands", flush=True)
    return tried


def fill(place, left):
    """Fills a disk but for so many bytes."""
    with open(place / "filler", "wb") as to:
        while True:
            room = os.statvfs(place)
            free = room.f_bavail * room.f_bsize - left
            if free < 4096:
                return
            to.write(bytes(min(free // 4096 * 4096, 1 << 20)))
            to.flush()


def only_read(program, base, work, wrong):
    place, tried = work / "disk", 0
    with disk("tmpfs", "size=16m", place) as made:
        if not made:
            return 0
        shutil.copytree(base / "model", place / "model")
        shutil.copytree(base / "training", place / "training")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        for what, arguments, folder in [
            ("training", TRAIN, "training"),
            ("a run that has ended", ["train", "--config", "../training/tiny.toml", "--out", "run"], "model"),
            *[(c.name, c.arguments, "model") for c in commands() if c.begins == "model"],
        ]:
            tried += 1
            code, err = run(program, arguments, place / folder)
            try:
                one_line(code, err)
                said = "Read-only file system" in err or "read-only" in err
                check(code == 1 and said, f"exit code {code}: {err}")
            except Wrong as problem:
                wrong.append(f"{what} on a disk that can only be read: {problem}")
        # reading a model and writing elsewhere works
        tried += 1
        code, err = run(program, ["sample", "--model", str(place / "model/run"), "--count", "1", "--evaluations", "2",
                                  "--out", str(work / "elsewhere.npy")], work)
        if code:
            wrong.append(f"sampling a model on a disk that can only be read: {err}")
    print(f"only read: {tried} commands", flush=True)
    return tried


def quota(program, base, work, expected, wrong):
    """A subvolume of Btrfs whose bytes are limited, on a disk that has room."""
    place, image, tried, met = work / "quota", work / "quota.img", 0, 0
    with open(image, "wb") as to:
        os.truncate(to.fileno(), 256 << 20)
    able = shutil.which("mkfs.btrfs") and not subprocess.run(["mkfs.btrfs", "-q", image], stdout=subprocess.DEVNULL).returncode
    with disk("btrfs", "loop", place, image) if able else nullcontext() as made:
        if not made:
            print("skipped: no disk with a quota can be made here (faults.py injects its error, EDQUOT)", flush=True)
            return 0
        subprocess.run(["btrfs", "quota", "enable", place], check=True)
        for command in [None, *commands()]:
            begun = command.folder(base, work / "whole") if command else base / "training"
            before = visible(begun)
            if command:
                works(program, command.arguments, begun)
            complete = visible(begun)
            for kib in [0, 16, 64]:
                volume = place / f"v{tried}"
                btrfs("subvolume", "create", volume)
                folder = shutil.copytree(base / (command.begins if command else "training"), volume / "work")
                limit(place, volume, kib * 1024)
                tried += 1
                try:
                    code, err = run(program, command.arguments if command else TRAIN, folder)
                    one_line(code, err)
                    met += code != 0
                    check(code == 0 or "uota exceeded" in err, f"exit code {code}: {err}")
                    if command:
                        command.whole(before, visible(folder), complete)
                    else:
                        check(code == 1, "the quota is enough for a training")
                        checkpoints(folder / "run")
                    limit(place, volume)
                    if command:
                        command.again(program, folder)
                    else:
                        works(program, TRAIN, folder)
                        check(state(folder / "run") == expected, "without the quota, other bits")
                except Wrong as what:
                    wrong.append(f"{command.name if command else 'training'} with a quota of {kib} KiB more: {what}")
                btrfs("subvolume", "delete", volume)
    print(f"quota: {tried} commands, {met} of which it stopped", flush=True)
    return tried


def btrfs(*arguments):
    return subprocess.run(["btrfs", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def limit(place, volume, more=None):
    """Lets a subvolume grow by `more` bytes, or without limit. `btrfs` is run on the whole disk: the subvolume may be full."""
    btrfs("filesystem", "sync", place)
    group = f"0/{btrfs('inspect-internal', 'rootid', volume).strip()}"
    rows = [row.split() for row in btrfs("qgroup", "show", "--raw", place).splitlines()]
    used = next(int(row[1]) for row in rows if row and row[0] == group)
    btrfs("qgroup", "limit", "none" if more is None else str(used + more), group, place)


def closed_pipes(program, base, work, expected, wrong):
    """Readers that go away before the first word."""
    tried = 0
    for command in [None, *commands()]:
        folder = work / "pipes"
        shutil.rmtree(folder, ignore_errors=True)
        if command is None:
            shutil.copytree(base / "training", folder)
            arguments = TRAIN
        else:
            command.folder(base, folder)
            arguments = command.arguments
        process = subprocess.Popen([program, *arguments], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        process.stderr.close()
        code = process.wait(120)
        tried += 1
        if code != 0:
            wrong.append(f"{command.name if command else 'training'} without readers: exit code {code}")
        elif command is None and state(folder / "run") != expected:
            wrong.append("training without readers: other bits")
    print(f"closed pipes: {tried} commands", flush=True)
    return tried


def clocks(program, base, work, expected, wrong):
    """A year back: before a run goes on, and in the middle of one."""
    library, tried = compiled("clock.c", work, "-shared", "-fPIC"), 0
    for year in [-31_536_000, 31_536_000]:
        for after in [0, 40]:
            folder = work / "clock"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(base / "training", folder)
            killed(program, TRAIN, folder, 0.15)
            clock = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(year), "CLOCK_AFTER": str(after)}
            code, err = run(program, TRAIN, folder, variables=clock)
            tried += 1
            try:
                check(code == 0, f"exit code {code}: {err}")
                check(state(folder / "run") == expected, "other bits")
            except Wrong as what:
                wrong.append(f"a clock that jumps by {year} s after {after} questions: {what}")
    print(f"clocks: {tried} runs", flush=True)
    return tried


def many_processes(program, base, work, wrong, rounds=20, processes=6):
    tried = 0
    for number in range(rounds):
        folder = work / "many"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base / "training", folder)
        (folder / "tiny.toml").write_text(TINY.format(steps=1_000_000))
        training = number % 2 == 0
        arguments = TRAIN if training else [
            "prior", "matern", "--length", "0.1", "--smoothness", "1.5", "--grid", "256x256", "--count", "2000",
            "--out", "x.npy"]
        children = [subprocess.Popen([program, *arguments], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(processes)]
        tried += processes
        # on a busy machine a process takes a while to begin
        begun = time.monotonic()
        while sum(child.poll() is None for child in children) > 1 and time.monotonic() - begun < 60:
            time.sleep(0.05)
        alive = [child for child in children if child.poll() is None]
        refused = 0
        for child in children:
            if child in alive:
                continue
            err = child.communicate()[1].decode()
            good = child.returncode == 2 and "in use by" in err
            refused += good
            if not good:
                wrong.append(f"one of many processes: exit code {child.returncode}: {err}")
        if refused != processes - 1 or len(alive) != 1:
            wrong.append(f"of {processes} processes {refused} were refused and {len(alive)} work")
        for child in alive:
            child.kill()
            child.communicate()
        if training:
            # nobody holds it any more
            (folder / "tiny.toml").write_text(TINY.format(steps=max(checkpoints(folder / "run"), default=0) + 3))
        else:
            arguments = [a if a != "2000" else "2" for a in arguments]
        code, err = run(program, arguments, folder)
        if code and "asked for is" not in err:
            wrong.append(f"after a killed process: exit code {code}: {err}")
    print(f"many processes: {rounds} rounds of {processes}", flush=True)
    return tried


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=lambda p: str(Path(p).resolve()))
    parser.add_argument("--rounds", type=int, default=20, help="of many processes")
    parser.add_argument("--few", action="store_true", help="fewer sizes of disks")
    asked = parser.parse_args()
    wrong = Findings()
    with tempfile.TemporaryDirectory(prefix="karhunen-places-") as made:
        work = Path(made)
        base = bases(asked.program, work / "bases")
        alone = shutil.copytree(base / "training", work / "alone")
        works(asked.program, TRAIN, alone)
        expected = state(alone / "run")
        tried = little_room(asked.program, base, work, expected, wrong, asked.few)
        tried += only_read(asked.program, base, work, wrong)
        tried += quota(asked.program, base, work, expected, wrong)
        tried += closed_pipes(asked.program, base, work, expected, wrong)
        tried += clocks(asked.program, base, work, expected, wrong)
        tried += many_processes(asked.program, base, work, wrong, asked.rounds)
    end("places, pipes, clocks, processes", f"{tried} commands", wrong)


if __name__ == "__main__":
    main()
