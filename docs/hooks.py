"""Hooks of MkDocs: what lies beside `docs/` in the repository and is linked from it.

Pages are read in two places, in the repository and in the book. Links are written for the first. Here those
that lead out of `docs/` are made right for the second: pages of experiments and their pictures become part of
the book, other files are named without a link.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s#]*)(#[^()\s]*)?\)")


def on_files(files, config):
    """Adds the pages of experiments, and their pictures."""
    for pattern in ("experiments/**/README.md", "experiments/earlier.md", "experiments/**/*.png"):
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if files.get_file_from_path(name) is None:
                files.append(
                    File(name, str(ROOT), config["site_dir"], config["use_directory_urls"])
                )
    return files


def on_page_markdown(markdown, page, config, files):
    """Makes links that leave `docs/` those of the book."""
    source = page.file.src_uri
    of_docs = not source.startswith("experiments/")
    folder = posixpath.dirname("docs/" + source if of_docs else source)

    def replaced(link):
        picture, text, target, part = link[1], link[2], link[3], link[4] or ""
        if not target or re.match(r"[a-z]+:", target):
            return link[0]
        there = posixpath.normpath(posixpath.join(folder, target))
        inside = there.removeprefix("docs/")
        if files.get_file_from_path(inside) is not None:
            way = posixpath.relpath(inside, posixpath.dirname(source) or ".")
            return f"{picture}[{text}]({way}{part})"
        if (ROOT / there).exists():
            return text if "`" in text else f"{text} (`{there}`)"
        return link[0]

    # fenced blocks stay as they are
    pieces = re.split(r"(^ *```.*?^ *```)", markdown, flags=re.M | re.S)
    return "".join(p if i % 2 else LINK.sub(replaced, p) for i, p in enumerate(pieces))
