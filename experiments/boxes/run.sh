#!/usr/bin/env bash
# A larger box of the model that comes with the program: 512×512 cells of eight trained boxes an axis, against the same
# structures simulated on a box of that size, and against themselves, across seams and inside windows.
# About an hour of processor time. Needs NumPy for cut.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
here=experiments/boxes runs=runs/experiments/boxes
mkdir -p "$runs" "$here/results"

[ -s "$runs/real.raw" ] || cargo run --release -q -p karhunen-simulate --example large_spinodal -- 4 "$runs/real.raw"
[ -s "$runs/large.npy" ] ||
  "$karhunen" sample --model builtin:spinodal --box 8x8 --count 4 --seed 1 --out "$runs/large.npy"
[ -s "$runs/small.npy" ] ||
  "$karhunen" sample --model builtin:spinodal --count 484 --seed 2 --out "$runs/small.npy"
python3 "$here/cut.py" "$runs/large.npy" "$runs/small.npy" "$runs/real.raw" "$runs"

# compared NAME REFERENCE SAMPLES
compared() {
  local result=$here/results/$1.json
  [ -s "$result" ] && return
  "$karhunen" evaluate --reference "$runs/$2.npy" --samples "$runs/$3.npy" --reference-count 1000 --distinguish --json \
    > "$result.part"
  mv "$result.part" "$result"
}
compared seams inside-windows across-seams
compared large-against-simulated real-64 large-64
compared large-against-small small-middle-32 large-32
compared small-against-simulated real-32 small-middle-32
"$karhunen" sample --model builtin:spinodal --box 8x8 --count 1 --seed 1 --out "$here/results/512.png" --force

# Berea sandstone, 32 to 128 cells an axis: a model of experiments/attributes, named by BEREA_MODEL; a quarter of an hour of one thread
if [ -n "${BEREA_MODEL:-}" ]; then
  [ -s "$runs/berea-128.npy" ] ||
    "$karhunen" sample --model "$BEREA_MODEL" --box 4x4x4 --count 1 --seed 3 --evaluations 12 --out "$runs/berea-128.npy"
  mkdir -p "$runs/berea"
  python3 "$here/cut_volume.py" "$runs/berea-128.npy" 32 "$runs/berea"
  "$karhunen" evaluate --reference "$runs/berea/inside-windows.npy" --samples "$runs/berea/across-seams.npy" \
    --set 'data.phases={ pore = 0, grain = 255 }' --set data.dim=3 --distinguish --json > "$here/results/berea-seams.json"
fi
