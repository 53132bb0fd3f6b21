#!/usr/bin/env bash
# How many slices are enough: one model each of 1, 4, 16 and 44 slices of SiC, all trained alike and judged by the same
# six slices. Needs KARHUNEN_DATA with materials/sic_diamonds/ in it; about a quarter of an hour of one core.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=$(realpath "${KARHUNEN_DATA:?set it to the folder that holds materials/}/materials/sic_diamonds")
here=experiments/slices
runs=runs/$here
mkdir -p "$runs" "$here/results"

# Of 62 slices six are held out, in three blocks of two, and two on either side of each block are left out. The other 44
# are there to train on. The fewer ones lie evenly among them.
python3 - "$data" "$runs" <<'PYTHON'
import pathlib, shutil, sys

data, runs = map(pathlib.Path, sys.argv[1:])
stack = sorted(path for path in data.glob("img[0-9]*.png"))
held = [i for first in (10, 32, 54) for i in (first, first + 1)]
near = {i for first in (10, 32, 54) for i in range(first - 2, first + 4)}
free = [i for i in range(len(stack)) if i not in near]
assert (len(stack), len(free)) == (62, 44)
sets = {"held-out": held} | {f"slices-{n}": [free[(2 * k + 1) * 44 // (2 * n)] for k in range(n)] for n in (1, 4, 16, 44)}
for name, chosen in sets.items():
    folder = runs / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for i in chosen:
        (folder / stack[i].name).symlink_to(stack[i])
PYTHON

for n in 44 1 4 16; do
  "$karhunen" train "${before[@]}" --config "$here/slices.toml" --set "data.source=$PWD/$runs/slices-$n" \
    --set "data.validation_source=$PWD/$runs/held-out" --out "$runs/model-$n"
  cp "$runs/model-$n/ledger.json" "$here/results/ledger-$n.json"
  result=$here/results/slices-$n.json
  [ -s "$result" ] && continue
  "$karhunen" sample --model "$runs/model-$n" --grid 32x32 --count 512 --seed 3 --out "$runs/samples-$n.npy" --force
  "$karhunen" evaluate --reference "$PWD/$runs/held-out" --samples "$runs/samples-$n.npy" --model "$runs/model-$n" \
    --reference-count 1024 --distinguish=256 --memorisation=all --picture "$here/results/slices-$n.png" --force \
    --json > "$result.part"
  mv "$result.part" "$result"
done
