#!/usr/bin/env bash
# Darcy flow: the joint law of coefficient and solution, trained at 16x16, sampled at 16x16 and 32x32.
# Judged against 200 held-out fields and the 50 test fields of each grid. Needs KARHUNEN_DATA with
# pde/darcy/ in it. Results in experiments/darcy/results; about five minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds pde/}/pde/darcy
here=experiments/darcy
held=$data/darcy_train_16
train "$here" joint --set data.source="[\"${held}_x.npy\", \"${held}_y.npy\"]"
export CHECK=--memorisation
for grid in 16x16 32x32; do
  ALSO=${held}_y.npy sampled "$here" joint $grid 100 "${held}_x.npy"
  test=$data/darcy_test_${grid%x*}
  LABEL=test ALSO=${test}_y.npy sampled "$here" joint $grid 50 "${test}_x.npy"
done
picture "$here" joint 32x32

# one field beside the other: the solution given the permeability, and the way back; the 50 test fields, 16 draws each
for which in "solution y x" "permeability x y"; do
  set -- $which
  train "$here" "$1" --set data.source="${held}_$2.npy" --set "data.condition=[\"${held}_$3.npy\"]"
  for grid in 16 32; do
    "$karhunen" sample --model "runs/$here/$1" --grid "${grid}x$grid" --count 800 --seed 1 \
      --condition "$data/darcy_test_${grid}_$3.npy" --out "runs/$here/$1-$grid.npy" --force
    python3 "$here/beside.py" "$data/darcy_test_${grid}_$2.npy" "runs/$here/$1-$grid.npy" "$1, ${grid}x$grid"
  done
done > "$here/results/beside.jsonl"
