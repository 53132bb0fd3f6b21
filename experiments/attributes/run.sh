#!/usr/bin/env bash
# Fractions that are asked for: built-in grains, and three phases of SiC. For SiC it needs the folder that experiments/phases/segment.py
# writes, named by SIC_PHASES, and a Python with numpy and pillow. Results in experiments/attributes/results; about half an hour of one thread for SiC.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
here=experiments/attributes
results=$here/results
runs=runs/$here
mkdir -p "$results" "$runs"

# asked MODEL GRID PHASE NAME… -- FRACTION…: 128 samples for each fraction
asked() {
  local model=$1 grid=$2 names=() fraction
  shift 2
  while [ "$1" != -- ]; do names+=("$1"); shift; done
  shift
  for fraction in "$@"; do
    "$karhunen" sample --model "$runs/$model" --grid "$grid" --attribute "${names[0]}=$fraction" --count 128 --seed 1 \
      --out "$runs/$model-$fraction.npy" --force
    python3 "$here/fractions.py" "$runs/$model-$fraction.npy" "$fraction" "${names[@]}"
  done > "$results/$model-fractions.jsonl"
}

train "$here" grains
asked grains 32x32 pore grain -- 0.3 0.4 0.5 0.6 0.7

if [ -n "${SIC_PHASES:-}" ]; then
  train "$here" sic --set data.source="$SIC_PHASES"
  asked sic 32x32 dark middle bright -- 0.3 0.4 0.5 0.6 0.7
  # the other descriptors, beside real patches of that fraction
  for fraction in 0.4 0.5 0.6; do
    python3 "$here/select.py" "$SIC_PHASES" 64 "$fraction" "$runs/real-$fraction.npy"
    "$karhunen" evaluate --reference "$runs/real-$fraction.npy" --samples "$runs/sic-$fraction.npy" \
      --set 'data.phases={ dark = 0, middle = 1, bright = 2 }' --json > "$results/sic-$fraction.json"
  done
fi
