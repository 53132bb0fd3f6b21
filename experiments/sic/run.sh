#!/usr/bin/env bash
# SiC slices: a ladder 16 -> 32 -> 64, sampled at 64 and 128. Needs KARHUNEN_DATA with
# materials/sic_diamonds/ in it. Results in experiments/sic/results; about 15 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds materials/}/materials/sic_diamonds
here=experiments/sic
train "$here" ladder --set data.source="$data"
sampled "$here" ladder 32x32 1024 "$data"
sampled "$here" ladder 64x64 1024 "$data"
sampled "$here" ladder 128x128 256 "$data"
# the stack is not stationary: against the slices trained on as well
for grid in 32x32 64x64; do PART=training LABEL=trained-on sampled "$here" ladder "$grid" 1024 "$data"; done
PART=training LABEL=trained-on sampled "$here" ladder 128x128 256 "$data"
picture "$here" ladder 64x64
picture "$here" ladder 128x128
