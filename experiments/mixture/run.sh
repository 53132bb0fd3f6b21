#!/usr/bin/env bash
# Samplers without a network: a mixture of Gaussian fields, whose denoiser is known, through every sampler at
# 32 and 64 cells an axis. One JSON object a row in experiments/mixture/results; about seven minutes of one core.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${MIXTURE:-target/release/examples/mixture}
[ -n "${MIXTURE:-}" ] || cargo build --release --quiet -p karhunen-field --example mixture
results=experiments/mixture/results
mkdir -p "$results"
for row in "32 1024" "64 512"; do
  read -r cells count <<< "$row"
  [ -s "$results/mixture-$cells.jsonl" ] && continue
  "$program" "$cells" "$count" > "$results/mixture-$cells.part"
  mv "$results/mixture-$cells.part" "$results/mixture-$cells.jsonl"
done
