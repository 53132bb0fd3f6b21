#!/usr/bin/env python3
"""Runs the fuzz targets in turn, keeps what they reached, and says how many inputs that was.

    python3 campaigns/fuzz.py --seconds 600                 every target for ten minutes, one after another
    python3 campaigns/fuzz.py --seconds 600 --jobs 8        eight targets at a time
    python3 campaigns/fuzz.py --keep 4096                   no runs; of every corpus the inputs that reach most, in 4 KiB

A target begins with its seeds, with `fuzz/corpus` (kept in the repository) and with what earlier runs of this machine
found (`target/fuzz-corpus`). A panic, more memory than 2 GiB, one allocation of more than 512 MiB, or an input that takes
longer than ten seconds (--timeout) is a finding: its file is named, and the exit code is 1. Needs a nightly compiler and
cargo-fuzz. Standard library only.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT, LARGE = ROOT / "fuzz" / "corpus", ROOT / "target" / "fuzz-corpus"
TESTS = ROOT / "crates" / "formats" / "tests"
HOST = re.search(r"host: (\S+)", subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout)[1]
# inputs of a target that the repository keeps
MOST = 32
LIMITS = ["-max_len=2048", "-rss_limit_mb=2048", "-malloc_limit_mb=512"]


def targets():
    return sorted(path.stem for path in (ROOT / "fuzz" / "fuzz_targets").glob("*.rs"))


def built(folder):
    subprocess.run(["cargo", "+nightly", "fuzz", "build", "-s", "none", "--target-dir", folder], cwd=ROOT / "fuzz", check=True)
    return folder / HOST / "release"


def corpora(target):
    """Where a target writes, and where it reads as well."""
    for folder in [LARGE / target, KEPT / target]:
        folder.mkdir(parents=True, exist_ok=True)
    seeds = TESTS / "seeds" / target
    made = target.endswith("_made") or target in ("raw", "table")
    files = [] if made else [seeds if seeds.is_dir() else TESTS / "peers"]
    return [LARGE / target, KEPT / target, *files]


def fuzz(program, target, seconds, patience):
    """One target for so long: inputs, seconds of work on a core, the files of its findings."""
    found = LARGE / "findings"
    found.mkdir(parents=True, exist_ok=True)
    prefix = found / f"{target}-"
    log = found / f"{target}.log"
    with open(log, "wb") as to:
        process = subprocess.Popen(
            [program, *corpora(target), *LIMITS, f"-timeout={patience}", f"-max_total_time={seconds}",
             f"-report_slow_units={patience}", "-print_final_stats=1", f"-artifact_prefix={prefix}"],
            stdout=subprocess.DEVNULL, stderr=to, cwd=LARGE)
        _, status, used = os.wait4(process.pid, 0)
        code = process.returncode = os.waitstatus_to_exitcode(status)
    said, took = log.read_text(errors="replace"), used.ru_utime + used.ru_stime
    count = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    wrong = re.findall(r"Test unit written to (\S+)", said)
    if code and not wrong:
        wrong = [f"exit code {code}: {said[-2000:]}"]
    inputs = int(count[1]) if count else 0
    print(f"{target:15} {inputs:12,} inputs  {inputs / took:9,.0f} a second of work  {len(wrong)} findings", flush=True)
    return inputs, took, wrong


def keep(program, target, most):
    """Of all inputs of a target those that reach most, in so many bytes: the most features a byte first."""
    with tempfile.TemporaryDirectory() as made:
        control = Path(made) / "control"
        merged = Path(made) / "merged"
        merged.mkdir()
        with open(Path(made) / "log", "wb") as log:
            subprocess.run([program, "-merge=1", f"-merge_control_file={control}", *LIMITS, merged, *corpora(target)[:2]],
                           stdout=subprocess.DEVNULL, stderr=log, check=True)
        lines = control.read_text().splitlines()
        files = [Path(line) for line in lines[2:2 + int(lines[0])]]
        reached = {}
        for line in lines:
            if line.startswith("FT "):
                number, *features = line.split()[1:]
                reached[int(number)] = set(features)
        chosen, seen, left = [], set(), most
        while len(chosen) < MOST:
            fits = [(len(new - seen) / max(files[i].stat().st_size, 16), i) for i, new in reached.items()
                    if files[i].stat().st_size <= left and new - seen]
            if not fits:
                break
            _, best = max(fits)
            chosen.append(files[best].read_bytes())
            seen |= reached.pop(best)
            left -= max(files[best].stat().st_size, 1)
    # inputs of findings have words for names, and stay
    for old in (KEPT / target).iterdir():
        if old.name.isdigit():
            old.unlink()
    for number, content in enumerate(chosen):
        (KEPT / target / f"{number:02}").write_bytes(content)
    every = set().union(seen, *reached.values())
    print(f"{target:15} {len(chosen)} inputs, {sum(map(len, chosen))} bytes: {len(seen)} of {len(every)} features", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument("--targets", nargs="+", default=targets(), choices=targets(), metavar="TARGET")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time, of one thread each")
    parser.add_argument("--timeout", type=int, default=10, help="seconds for an input; more where others use the cores")
    parser.add_argument("--keep", type=int, metavar="BYTES", help="make the corpora of the repository of all that was found")
    parser.add_argument("--target-dir", type=Path, default=ROOT / "target" / "fuzz", help="what is built")
    asked = parser.parse_args()
    programs = built(asked.target_dir)
    if asked.keep:
        for target in asked.targets:
            keep(programs / target, target, asked.keep)
        return
    with ThreadPoolExecutor(asked.jobs) as pool:
        done = list(pool.map(lambda target: fuzz(programs / target, target, asked.seconds, asked.timeout), asked.targets))
    inputs, took = sum(d[0] for d in done), sum(d[1] for d in done)
    wrong = [line for d in done for line in d[2]]
    print(f"{len(done)} targets: {inputs:,} inputs, {inputs / took:,.0f} a second of work on a core, {len(wrong)} findings")
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
