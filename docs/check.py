#!/usr/bin/env python3
"""Runs every command of the book: of the pages that `mkdocs.yml` names.

    docs/check.py --program target/release/karhunen
    docs/check.py --program target/release/karhunen training.md faq.md

Every block fenced as ```sh is run by `sh -e` in the order of its page, in an empty directory a page. A block
fails if it exits with anything but 0. What cannot be run is fenced as ```console, or has the line
`<!-- not run: why -->` before it. Three more lines are known, none of which a reader sees:

    <!-- uses: runs/x -->        the page begins with this model, trained once for all pages
    <!-- file: run.toml -->      the next block is written to this file
    <!-- dry run -->             the next ```toml block must be accepted by `karhunen train --dry-run`

Pages show what one would type: trainings of minutes, hundreds of samples. To be done in seconds, `karhunen` is
here a wrapper which makes budgets small (`budget` below) and changes nothing else.

Links between the pages, and from them to files of the repository, are looked up too. Standard library only.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
FENCE = re.compile(r"^( *)(`{3,}|~{3,})\s*([\w+-]*)")
DIRECTIVE = re.compile(r"^\s*<!--\s*(not run|uses|file|dry run)\s*:?\s*(.*?)\s*-->")
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+(?:\([^()]*\))?)(?:\s+\"[^\"]*\")?\)")

SMALL_RUN = [
    "training.steps=16",
    "training.validations=1",
    "training.validation_fields=16",
    "training.batch=4",
    "data.count=96",
]
SMALL_NETWORK = ["network.width=[12]", "network.blocks=[2]"]
# What stands behind `<!-- uses: runs/x -->`.
FIXTURE = [
    "data.source=builtin:grains",
    "data.count=192",
    "data.validation=0.5",
    "training.steps=24",
    "training.validations=1",
    "training.batch=4",
    'levels=[{grid="8x8",share=0.4},{grid="16x16",share=0.3},{grid="32x32",share=0.3}]',
    *SMALL_NETWORK,
]


def budget(arguments):
    """The same command line with a budget of seconds."""
    line = list(arguments)

    def at_most(option, most):
        if option in line[:-1]:
            at = line.index(option) + 1
            line[at] = str(min(int(line[at]), most))

    def unless_told(option, value):
        told = any(a == option or a.startswith(option + "=") for a in line)
        if not told:
            line.extend([option, value])

    match line[0] if line else "":
        case "train" if "--dry-run" not in line:
            given = " ".join(line)
            small = list(SMALL_RUN)
            if "network.kind" not in given:
                small += SMALL_NETWORK
            for setting in small:
                line += ["--set", setting]
            line[:] = [re.sub(r"^training\.seconds=.*", "training.seconds=2", a) for a in line]
            if "--more" in line:
                line[line.index("--more") + 1] = "4"
            file = line[line.index("--config") + 1] if "--config" in line else None
            if file and re.search(r"^seconds *=", Path(file).read_text(), re.M):
                line += ["--set", "training.seconds=2"]
        case "sample":
            at_most("--count", 40)
            if "--tolerance" not in line:
                unless_told("--evaluations", "6")
                at_most("--evaluations", 6)
            unless_told("--calibration", "none")
        case "evaluate" | "compare":
            told_apart = any(a.startswith("--distinguish") for a in line)
            fields = 96 if told_apart else 32
            at_most("--reference-count", fields)
            unless_told("--reference-count", str(fields))
            if line[0] == "compare":
                at_most("--count", 40)
                unless_told("--count", "40")
                unless_told("--evaluations", "6")
            if told_apart:
                unless_told("--distinguish-seeds", "1")
        case "calibrate":
            at_most("--truths", 4)
            at_most("--draws", 9)
            unless_told("--truths", "4")
            unless_told("--draws", "9")
            unless_told("--evaluations", "6")
        case "classifier":
            unless_told("--steps", "30")
        case "bench":
            unless_told("--seconds", "0.02")
            line[line.index("--seconds") + 1] = "0.02"
            line += ["--set", "training.batch=2", "--set", "sampling.evaluations=2"]
    return line


def blocks(text):
    """Fenced blocks of a page: (line, language, text, directives before it)."""
    found, directives = [], {}
    lines = text.splitlines()
    i = 0
    while i < len(lines):
        fence = FENCE.match(lines[i])
        if fence:
            indent, marks, language = fence.groups()
            body, start = [], i + 1
            i += 1
            while i < len(lines) and lines[i].strip() != marks:
                body.append(lines[i].removeprefix(indent))
                i += 1
            found.append((start, language, "\n".join(body) + "\n", directives))
            directives = {}
        elif directive := DIRECTIVE.match(lines[i]):
            directives = {**directives, directive[1]: directive[2]}
        elif lines[i].strip():
            directives = {}
        i += 1
    return found


def uses(text):
    return [d[2] for d in map(DIRECTIVE.match, text.splitlines()) if d and d[1] == "uses"]


def run(command, where, environment):
    """Runs a command in a place; how it ended, and what it printed."""
    done = subprocess.run(
        command,
        cwd=where,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    return done.returncode, done.stdout


def check_page(page, place, environment, model):
    """Runs the blocks of a page; a list of what is wrong, and the number of blocks run."""
    text = page.read_text()
    wanted = blocks(text)
    runnable = [b for b in wanted if b[1] == "sh" and "not run" not in b[3]]
    checked = [b for b in wanted if "file" in b[3] or "dry run" in b[3]]
    if not runnable and not checked:
        return [], 0
    where = place / page.stem
    where.mkdir()
    for script in (DOCS / "files").glob("*.py"):
        shutil.copy(script, where)
    for name in uses(text):
        shutil.copytree(model(), where / name)
    wrong, count = [], 0
    for line, language, body, directives in wanted:
        if "file" in directives or "dry run" in directives:
            name = directives.get("file") or "dry-run.toml"
            (where / name).write_text(body)
            if "dry run" not in directives:
                continue
            command = ["karhunen", "train", "--config", name, "--dry-run"]
        elif language == "sh" and "not run" not in directives:
            command = ["sh", "-e", "-c", body]
        else:
            continue
        count += 1
        code, told = run(command, where, environment)
        if code != 0:
            last = "\n    ".join(told.splitlines()[-12:])
            wrong.append(f"{page.name}:{line}: exit {code}\n    {last}")
            break
    return wrong, count


def anchor(title):
    """The anchor that a heading gets."""
    title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    title = re.sub(r"[^\w\s-]", "", title.replace("`", "")).strip().lower()
    return re.sub(r"[-\s]+", "-", title)


def anchors(page):
    text = re.sub(r"^( *)(`{3,}).*?^\1\2", "", page.read_text(), flags=re.M | re.S)
    marked = re.findall(r"\{\s*#([\w-]+)\s*\}", text)
    return {anchor(t) for t in re.findall(r"^#+ +(.*?)(?:\s*\{.*\})?$", text, re.M)} | set(marked)


def check_links(page):
    """Relative links of a page that lead nowhere."""
    text = re.sub(r"^( *)(`{3,}).*?^\1\2", "", page.read_text(), flags=re.M | re.S)
    wrong = []
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, part = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists():
            wrong.append(f"{page.relative_to(ROOT)}: {target}: no such file")
        elif part and there.suffix == ".md" and part not in anchors(there):
            wrong.append(f"{page.relative_to(ROOT)}: {target}: no such heading")
    return wrong


def main():
    parser = argparse.ArgumentParser(description="Runs every command of the book.")
    parser.add_argument("--program", default=str(ROOT / "target/release/karhunen"))
    parser.add_argument("--threads", type=int, help="threads of each command")
    parser.add_argument("--links", action="store_true", help="look up links alone")
    parser.add_argument("pages", nargs="*", help="names of pages; all by default")
    asked = parser.parse_args()
    named = set(re.findall(r":\s*([\w-]+\.md)\s*$", (ROOT / "mkdocs.yml").read_text(), re.M))
    pages = [page for page in sorted(DOCS.glob("*.md")) if page.name in named]
    linked = sorted(DOCS.glob("*.md")) + [ROOT / "README.md", ROOT / "ARCHITECTURE.md"]
    linked += [*sorted(ROOT.glob("experiments/**/README.md")), ROOT / "experiments/earlier.md"]
    wrong = [w for page in linked for w in check_links(page)]
    if asked.pages:
        names = {Path(name).name for name in asked.pages}
        pages = [page for page in pages if page.name in names]
    if asked.links:
        pages = []
    program = Path(asked.program).resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "bin").mkdir()
        wrapper = place / "bin" / "karhunen"
        wrapper.write_text(
            f"#!/bin/sh\nexec '{sys.executable}' '{Path(__file__).resolve()}' --wrapped '{program}' \"$@\"\n"
        )
        wrapper.chmod(0o755)
        environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
        if asked.threads:
            environment["RAYON_NUM_THREADS"] = str(asked.threads)
        trained = []

        def model():
            if not trained:
                out = place / "fixture"
                command = [str(program), "train", "--out", str(out)]
                for setting in FIXTURE:
                    command += ["--set", setting]
                code, told = run(command, place, environment)
                if code != 0:
                    sys.exit(f"the model that pages use: exit {code}\n{told}")
                trained.append(out)
            return trained[0]

        blocks_run = 0
        for page in pages:
            began = time.monotonic()
            found, count = check_page(page, place, environment, model)
            wrong += found
            blocks_run += count
            if count:
                print(f"{page.name}: {count} blocks, {time.monotonic() - began:.1f} s", flush=True)
    if wrong:
        print("\n".join(wrong))
        sys.exit(1)
    print(f"{blocks_run} blocks run, links of {len(linked)} pages looked up")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--wrapped"]:
        program, *arguments = sys.argv[2:]
        os.execv(program, [program, *budget(arguments)])
    main()
