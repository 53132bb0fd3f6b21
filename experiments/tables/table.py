#!/usr/bin/env python3
"""Puts what experiments have found into docs/results.md, between the markers of its tables.

    python3 experiments/tables/table.py          rewrites the tables
    python3 experiments/tables/table.py --check  fails if they are not those of the results

A number in brackets is the ratio to the floor, the 95 % quantile of the same statistic between two sets of
real fields of the same sizes. Values of several training seeds stand side by side.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "results.md"
MEASURES = {
    "energy_distance": "energy distance",
    "sliced_wasserstein": "sliced Wasserstein",
    "spectrum_log_error": "spectrum",
    "spectrum_log_error_beyond": "spectrum beyond",
    "histogram_distance": "histogram",
    "cross_channel_error": "cross-channel",
    "variance_ratio": "variance ratio",
}
PLAIN = {"variance_ratio"}
BASELINES = {
    "gaussian_surrogate": "Gaussian surrogate",
    "training_fields": "training fields",
    "zero_padded": "zero-padded",
}


def rows(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def number(row, measure):
    """A value and its ratio to the floor."""
    value, floor = row.get(measure), row.get(measure + "_floor")
    if value is None:
        return "–"
    if measure in PLAIN or not floor:
        return f"{value:.3f}" if value < 100 else f"{value:.0f}"
    ratio = value / floor
    return f"{value:.4f} ({ratio:.1f}×)" if ratio < 1000 else f"{value:.3g} ({ratio:.0f}×)"


def beside(values):
    """One value, or those of several seeds."""
    return values[0] if len(set(values)) == 1 else " · ".join(values)


def markdown(head, lines):
    return "\n".join(
        ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        + ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    )


def seconds(values):
    values = [v for v in values if v is not None]
    return beside([f"{v:.0f}" if v >= 10 else f"{v:.1f}" for v in values]) if values else "–"


class Results:
    def __init__(self):
        self.cells = rows(HERE / "results" / "cells.jsonl")
        self.trainings = {r["training"]: r for r in rows(HERE / "results" / "trainings.jsonl")}

    def table(self, label, measures, **chosen):
        """Cells with these values (a list: any of them), one line a label and grid, then baselines."""
        groups, baselines = {}, {}
        for cell in self.cells:
            fits = all(
                cell[key] in (value if isinstance(value, list) else [value])
                for key, value in chosen.items()
            )
            if not fits:
                continue
            groups.setdefault((label(cell), cell["made_at"], cell.get("count")), []).append(cell)
            if "failed" not in cell:
                for baseline, name in BASELINES.items():
                    key = (name, cell["judged_at"], cell["count"])
                    # what is padded are a model's own samples: a line beside them
                    if baseline in cell and baseline != "zero_padded":
                        baselines.setdefault(key, cell[baseline])
        # a column of its own where a measure was taken
        taken = {m for cells in groups.values() for c in cells for m in measures if m in c}
        measures = [m for m in measures if m in taken]
        lines = []
        for (name, grid, count), cells in sorted(groups.items(), key=self.order):
            good = [c for c in cells if "failed" not in c]
            if not good:
                lines.append([name, grid, "–", f"failed: {cells[0]['failed']}"] + ["–"] * len(measures))
                continue
            numbers = [beside([number(c, m) for c in good]) for m in measures]
            trained = [self.trainings.get(self.training(c), {}).get("seconds") for c in good]
            lines.append(
                [name, grid, count, *numbers, seconds(trained), seconds([c["seconds"] for c in good])]
            )
            padded = [c["zero_padded"] for c in good if "zero_padded" in c]
            if padded:
                numbers = [beside([number(row, m) for row in padded]) for m in measures]
                lines.append([f"{name}, {BASELINES['zero_padded']}", grid, count, *numbers, "–", "–"])
        for (name, grid, count), row in baselines.items():
            numbers = [number(row, m) for m in measures]
            lines.append([f"– {name}", f"at {grid}", count, *numbers, "–", "–"])
        head = ["", "cells", "n", *(MEASURES[m] for m in measures), "train s", "sample s"]
        return markdown(head, lines) if lines else "*(no result yet)*"

    def training(self, cell):
        parts = [cell[k] for k in ("data", "network", "prior", "scheme")]
        return "/".join(parts) + f"/seed-{cell['seed']}"

    @staticmethod
    def order(group):
        (_, grid, _), cells = group
        first = cells[0]
        names = ["fitted", "standard", "laplacian", "bessel", "fno", "combined"]
        evaluations = (first["sampler"], first["evaluations"])
        return (names.index(first["prior"]), int(grid.split("x")[0]), evaluations)


MAIN = [m for m in MEASURES if m != "cross_channel_error"]
USUAL = {"sampler": "dpm++2m", "evaluations": 20}


def tables(results):
    priors = lambda data: results.table(
        lambda c: c["prior"], list(MEASURES), data=data, network="fno", scheme="ours", **USUAL
    )
    samplers = results.table(
        lambda c: f"{c['sampler']}, {c['evaluations']}",
        ["energy_distance", "sliced_wasserstein", "spectrum_log_error", "variance_ratio"],
        **{"data": "mnist", "network": "fno", "prior": "fitted", "scheme": "ours", "seed": 0},
        made_at="28x28",
    )
    schemes = results.table(
        lambda c: f"{c['scheme']}, {c['prior']}, {c['sampler']} {c['evaluations']}",
        MAIN,
        data="mnist",
        network="fno",
        prior=["standard", "laplacian"],
        made_at=["28x28", "56x56"],
        seed=0,
    )
    networks = lambda data, grids: results.table(
        lambda c: f"{c['network']}, {c['prior']}",
        MAIN,
        **{"data": data, "scheme": "ours", "prior": ["standard", "fitted"], "seed": 0},
        made_at=grids,
        **USUAL,
    )
    return {
        "mnist-priors": priors("mnist"),
        "sic-priors": priors("sic"),
        "fashion": priors("fashion"),
        "fitzhugh-nagumo": priors("fitzhugh-nagumo"),
        "samplers": samplers,
        "schemes": schemes,
        "networks": networks("mnist", ["28x28", "56x56"]),
        "networks-sic": networks("sic", ["32x32", "64x64"]),
        "mixture-32": mixture(32),
        "mixture-64": mixture(64),
    }


def mixture(cells):
    """Samplers in lines, evaluations in columns."""
    found = rows(HERE.parent / "mixture" / "results" / f"mixture-{cells}.jsonl")
    budgets = [5, 10, 20, 50, 200, 1000]
    names = list(dict.fromkeys((r["sampler"], r["prior"]) for r in found))
    value = {(r["sampler"], r["prior"], r["evaluations"]): r for r in found}

    def cell(name, budget):
        row = value.get((*name, budget))
        if row is None:
            return "–"
        energy = row["energy_distance"] / row["energy_distance_floor"]
        sliced = row["sliced_wasserstein"] / row["sliced_wasserstein_floor"]
        show = lambda x: f"{x:.1f}" if abs(x) < 100 else f"{x:.0f}"
        return f"{show(energy)} / {show(sliced)} / {row['variance_ratio']:.3g} / {row['share_error']:.2f}"

    lines = []
    for name in names:
        if name[1] == "none":
            lines.append([name[0], "–", cell(name, 0)] + ["–"] * (len(budgets) - 1))
        else:
            lines.append([*name] + [cell(name, b) for b in budgets])
    head = ["sampler", "noise", *(f"{b} evaluations" for b in budgets)]
    return markdown(head, lines) if lines else "*(no result yet)*"


def main():
    page = PAGE.read_text()
    made = page
    for name, table in tables(Results()).items():
        pattern = re.compile(f"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if not pattern.search(made):
            sys.exit(f"{PAGE}: no place for {name}; write <!-- begin {name} --> and its end")
        made = pattern.sub(lambda m: m[1] + table + "\n" + m[2], made)
    if "--check" in sys.argv[1:]:
        sys.exit(0 if made == page else f"{PAGE}: its tables are not those of the results")
    PAGE.write_text(made)


main()
