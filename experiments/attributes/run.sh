#!/usr/bin/env bash
# Fractions that are asked for: built-in grains, three phases of SiC, Berea sandstone. SiC needs the folder that
# experiments/phases/segment.py writes, named by SIC_PHASES; Berea its file berea.zip, named by BEREA. Both need a Python with numpy,
# pillow and tifffile. Results in experiments/attributes/results. Of one thread: SiC a quarter of an hour, Berea an hour.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
here=experiments/attributes
results=$here/results
runs=runs/$here
mkdir -p "$results" "$runs"

# asked MODEL GRID COUNT HOW PHASE NAME… -- FRACTION…: samples for each fraction; HOW is attribute, observed or both
asked() {
  local model=$1 grid=$2 count=$3 how=$4 names=() fraction wanted
  shift 4
  while [ "$1" != -- ]; do names+=("$1"); shift; done
  shift
  for fraction in "$@"; do
    wanted=()
    if [ "$how" != observed ]; then wanted+=(--attribute "${names[0]}=$fraction"); fi
    if [ "$how" != attribute ]; then
      printf '[[observe]]\nkind = "fraction"\nphase = "%s"\nvalue = %s\n' "${names[0]}" "$fraction" > "$runs/fraction.toml"
      wanted+=(--observe "$runs/fraction.toml")
    fi
    "$karhunen" sample --model "$runs/$model" --grid "$grid" "${wanted[@]}" --count "$count" --seed 1 \
      --out "$runs/$model-$how-$fraction.npy" --force > /dev/null
    python3 "$here/phase_fractions.py" "$runs/$model-$how-$fraction.npy" "$fraction" "${names[@]}"
  done > "$results/$model-$how.jsonl"
}

# beside MODEL HOW SOURCE PHASES FRACTION…: other descriptors, beside real patches of that fraction
beside() {
  local model=$1 how=$2 source=$3 phases=$4 fraction
  shift 4
  for fraction in "$@"; do
    python3 "$here/real_patches.py" "$source" 64 "$fraction" "$runs/$model-real-$fraction.npy"
    "$karhunen" evaluate --reference "$runs/$model-real-$fraction.npy" --samples "$runs/$model-$how-$fraction.npy" \
      --set "data.phases=$phases" --json > "$results/$model-$how-$fraction.json"
  done
}

train "$here" grains
asked grains 32x32 128 attribute pore grain -- 0.3 0.4 0.5 0.6 0.7

if [ -n "${SIC_PHASES:-}" ]; then
  train "$here" sic --set data.source="$SIC_PHASES"
  for how in attribute observed both; do
    asked sic 32x32 128 "$how" dark middle bright -- 0.3 0.4 0.5 0.6 0.7
  done
  beside sic observed "$SIC_PHASES" '{ dark = 0, middle = 1, bright = 2 }' 0.3 0.4 0.5 0.6 0.7
fi

if [ -n "${BEREA:-}" ]; then
  train "$here" berea --set data.source="$BEREA"
  for how in attribute observed both; do
    asked berea 32x32x32 48 "$how" pore grain -- 0.12 0.16 0.2 0.24 0.28
  done
  beside berea both "$BEREA" '{ pore = 0, grain = 255 }' 0.12 0.16 0.2 0.24
fi
