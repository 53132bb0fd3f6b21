"""A small model that the tests share, and the program to compare with."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import karhunen as kh

#: A network that trains in seconds.
SMALL = {"network.width": [8], "network.blocks": [2], "training.batch": 4}


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A run directory."""
    out = tmp_path_factory.mktemp("runs") / "x"
    data = kh.Data("builtin:spinodal", count=32)
    kh.train(data, levels=[8, 16], steps=6, settings=SMALL, out=out)
    return out


@pytest.fixture(scope="session")
def model(run):
    return kh.Model(run)


@pytest.fixture(scope="session")
def program():
    """The program `karhunen`; tests that compare with it are skipped where it is not built."""
    beside = Path(__file__).parents[2] / "target" / "release" / "karhunen"
    found = os.environ.get("KARHUNEN") or (str(beside) if beside.is_file() else shutil.which("karhunen"))
    if not found or not os.access(found, os.X_OK):
        pytest.skip(f"no program: neither $KARHUNEN nor {beside}; cargo build --release makes it")

    def call(*arguments, check=True):
        done = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(done.stderr)
        return done

    return call
