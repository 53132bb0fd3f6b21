#!/usr/bin/env bash
# SiC slices: a ladder 16 -> 32 -> 64, and the same with a cosine rate and more replay, sampled at 32, 64 and 128.
# Needs KARHUNEN_DATA with materials/sic_diamonds/ in it. Results in experiments/sic/results; about half an hour on
# two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds materials/}/materials/sic_diamonds
here=experiments/sic
for run in ladder ladder-cosine; do
  train "$here" "$run" --set data.source="$data"
  # the stack is not stationary: against the slices trained on as well
  for grid in 32x32@1024 64x64@1024 128x128@256; do
    sampled "$here" "$run" "${grid%@*}" "${grid#*@}" "$data"
    PART=training LABEL=trained-on sampled "$here" "$run" "${grid%@*}" "${grid#*@}" "$data"
  done
done
picture "$here" ladder 64x64
picture "$here" ladder 128x128
