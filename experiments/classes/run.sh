#!/usr/bin/env bash
# Digits by their class: what guidance does to whether a digit is the one asked for, and to how much the digits
# vary. Needs KARHUNEN_DATA with mnist/ in it. Results in experiments/classes/results, as a table by table.py;
# about six minutes of one core.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds mnist/}/mnist
reference=$data/t10k-images-idx3-ubyte.gz
here=experiments/classes
classifier=runs/$here/digits.classifier
mkdir -p "runs/$here" "$here/results"
if [ ! -s "$classifier" ]; then
  "$karhunen" classifier --source "$data/train-images-idx3-ubyte.gz" --labels "$data/train-labels-idx1-ubyte.gz" \
    --test "$reference" --test-labels "$data/t10k-labels-idx1-ubyte.gz" --out "$classifier" --json \
    > "$here/results/classifier.json"
fi
train "$here" ladder --set data.source="$data/train-images-idx3-ubyte.gz" \
  --set data.labels="$data/train-labels-idx1-ubyte.gz"
for weight in 0 1 1.5 2 3; do
  labels=runs/$here/ladder-28x28-w$weight-labels.npy
  CHECK="--classifier $classifier --sample-labels $labels" LABEL=w$weight \
    sampled "$here" ladder 28x28 1024 "$reference" --guidance "$weight" --calibration none
done
# what the calibration, which knows the whole law alone, adds at weight 1
CHECK="--classifier $classifier --sample-labels runs/$here/ladder-28x28-calibrated-labels.npy" LABEL=calibrated \
  sampled "$here" ladder 28x28 1024 "$reference"
# the digits 0 to 9 by turns
for weight in 1 2; do
  "$karhunen" sample --model "runs/$here/ladder" --class 0,1,2,3,4,5,6,7,8,9 --guidance "$weight" --count 64 \
    --seed 2 --labels "runs/$here/picture-labels.npy" --out "$here/results/digits-w$weight.png" --force
done
python3 "$here/table.py"
