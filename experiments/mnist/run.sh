#!/usr/bin/env bash
# MNIST: a ladder 14 -> 28, the same with a cosine rate and more replay, a model that saw 28 for a fiftieth of
# its steps, and one that never did. Needs KARHUNEN_DATA with mnist/ in it.
# Results in experiments/mnist/results; about twenty minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds mnist/}/mnist
reference=$data/t10k-images-idx3-ubyte.gz
here=experiments/mnist
for run in ladder ladder-cosine few-fine zero-shot; do
  train "$here" "$run" --set data.source="$data/train-images-idx3-ubyte.gz"
  for grid in 14x14 28x28 42x42 56x56; do
    sampled "$here" "$run" "$grid" 1024 "$reference"
  done
  picture "$here" "$run" 28x28
  picture "$here" "$run" 56x56
done
# what calibration does, and how far the numbers are the draws'
LABEL=uncalibrated sampled "$here" ladder 28x28 1024 "$reference" --calibration none
for seed in 2 3; do SEED=$seed LABEL=seed-$seed sampled "$here" ladder 28x28 1024 "$reference"; done
