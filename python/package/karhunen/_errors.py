"""Exceptions: the line that the program prints, and what to do about it."""

from __future__ import annotations


class Error(Exception):
    """Something went wrong.

    Attributes
    ----------
    message : str
        What is wrong, in one line: the line that the program prints.
    help : str or None
        What to do about it, where that is known.
    """

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message if help is None else f"{message}\nhelp: {help}")
        self.message = message
        self.help = help

    def __reduce__(self) -> tuple[type[Error], tuple[str, str | None]]:
        return type(self), (self.message, self.help)


class UsageError(Error, ValueError):
    """An argument, a configuration or a path is wrong."""


class DataError(Error, ValueError):
    """A file or an array of data is wrong: its format, its shape or its values."""


class StoppedError(Error):
    """Work was stopped by its progress callable before it was done."""
