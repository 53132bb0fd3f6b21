#!/usr/bin/env bash
# Burgers' equation: 1-D functions of 17 channels, and 2-D functions on a box that is periodic along one
# axis only; sampled on finer grids than there are data for. Needs KARHUNEN_DATA with pde/burgers/ in it.
# Results in experiments/burgers/results; about three minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds pde/}/pde/burgers
reference=$data/burgers_test_16_y.npy
here=experiments/burgers
train "$here" profiles --set data.source="$data/burgers_train_16_y.npy"
export CHECK=--memorisation
for grid in 16 32 64; do
  sampled "$here" profiles $grid 200 "$reference"
done
picture "$here" profiles 64
train "$here" space-time --set data.source="$data/burgers_train_16_y.npy"
for grid in 17x16 34x32; do
  sampled "$here" space-time $grid 200 "$reference"
done
picture "$here" space-time 34x32
