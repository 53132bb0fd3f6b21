"""What is told while something long goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Union

Progress = Union[None, bool, Callable[[dict[str, Any]], Any]]


class Line:
    """One line on standard error that is written again and again; notes stand above it."""

    def __init__(self) -> None:
        self._last = 0.0
        self._shown = False

    def __call__(self, told: dict[str, Any]) -> None:
        kind = told["kind"]
        if kind in ("note", "warning"):
            self._clear()
            print(told["message"], file=sys.stderr)
            return
        if kind == "milestone":
            return
        done = told["step"] if kind == "step" else told["done"]
        now = time.monotonic()
        if now - self._last < 0.2 and done < told["total"]:
            return
        self._last = now
        if kind == "step":
            text = f"step {done} of {told['total']} at {told['grid']}, loss {told['loss']:.4f}, {told['left']:.0f} s left"
        else:
            text = f"{told['task']}: {done} of {told['total']} {told['message']}"
        self._clear()
        print(text, end="\n" if done >= told["total"] else "", file=sys.stderr, flush=True)
        self._shown = done < told["total"]

    def _clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr)
            self._shown = False


def listener(progress: Progress) -> Callable[[dict[str, Any]], Any] | None:
    """Whoever hears it."""
    if progress is None or progress is False:
        return None
    if progress is True:
        return Line()
    if not callable(progress):
        raise TypeError("progress must be None, True or a callable of one dictionary")
    return progress
