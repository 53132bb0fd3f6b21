#!/usr/bin/env python3
"""The rows of results/ as tables: table.py RESULTS (standard library)."""

import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])


def rows(name):
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def show(title, found, columns):
    print(f"\n{title}\n")
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in found:
        cells = []
        for key in columns.values():
            value = row.get(key)
            if key == "percent" and value is not None and "standard_error" in row:
                value = f"{value:.2f} ± {row['standard_error']:.2f}"
            cells.append("–" if value is None else str(value))
        print("| " + " | ".join(cells) + " |")


every = [r for name in ("oracle-128.jsonl", "inverse-128.jsonl", "ours.jsonl", "oracle-64.jsonl") for r in rows(name)]
columns = {"method": "method", "what was known": "prior", "cells": "cells", "truths": "truths", "percent": "percent",
           "cells wrong": "cells_wrong_percent"}
for task in dict.fromkeys(r["task"] for r in every):
    show(task, [r for r in every if r["task"] == task], columns)
show("guidance with the exact denoiser, Poisson a -> u", rows("guidances.jsonl"),
     {"method": "method", "evaluations": "evaluations", "a, percent": "coefficient_percent", "u, percent": "percent"})
