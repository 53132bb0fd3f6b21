#!/usr/bin/env bash
# Berea sandstone in 3-D: a ladder 16 -> 32, sampled at 32, 48 and 64 cells an axis; one sample of 48^3 as
# VTI for ParaView, its spacing in voxels of the scan. Needs KARHUNEN_DATA with materials/berea/ in it. Results in
# experiments/berea/results; about 20 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds materials/}/materials/berea/berea.zip
here=experiments/berea
train "$here" ladder --set data.source="$data"
sampled "$here" ladder 32x32x32 128 "$data"
sampled "$here" ladder 48x48x48 64 "$data"
sampled "$here" ladder 64x64x64 32 "$data"
picture "$here" ladder 32x32x32
"$karhunen" sample --model "runs/$here/ladder" --grid 48x48x48 --count 1 --seed 1 \
  --length 64 --out "runs/$here/ladder-48.vti" --force
