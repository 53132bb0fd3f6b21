#!/usr/bin/env bash
# Nonlinearities on twice the points an axis against plain ones: the same steps at 32x32 on built-in
# structures, then the same functions sampled at 32, 64 and 96 with the network asked about all that the
# grid holds, without calibration: what depends on the grid. Some minutes on two quiet cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
here=experiments/operators
runs=runs/$here
steps=${STEPS:-300}
mkdir -p "$here/results" "$runs"
# the noise and the times that the results were made with
noise=(--set 'prior={kind="fitted"}' --set 'training.time_density={kind="log-normal",mean=-1.0,deviation=1.2}' --set training.share=total)

for seed in 0 1; do for factor in 1 2; do
  name=oversampling-$factor-seed-$seed
  result=$here/results/$name.json
  [ -s "$result" ] && continue
  [ -s "$runs/$name/ledger.json" ] || "$karhunen" train "${before[@]}" --config examples/builtin.toml --out "$runs/$name" "${noise[@]}" \
    --set 'levels=[{grid="32x32",share=1}]' --set training.batch=32 --set training.steps="$steps" --set network.oversampling=$factor --set seed=$seed
  for grid in 32 64 96; do
    "$karhunen" sample --model "$runs/$name" --grid ${grid}x$grid --band grid --count 16 --seed 1 \
      --calibration none --out "$runs/$name-$grid.npy" --force
  done
  for grid in 64 96; do
    "$karhunen" evaluate --reference builtin:spinodal --model "$runs/$name" --reference-count 32 \
      --samples "$runs/$name-$grid.npy" --same "$runs/$name-32.npy" --json > "$runs/$name-$grid.json"
  done
  python3 - "$runs/$name" > "$result.part" <<'END'
import json, sys
error = {grid: json.load(open(f"{sys.argv[1]}-{grid}.json"))["consistency"]["error"] for grid in ("64", "96")}
ledger = json.load(open(f"{sys.argv[1]}/ledger.json"))
print(json.dumps({"consistency_at_64": error["64"], "consistency_at_96": error["96"], "ledger": ledger}))
END
  mv "$result.part" "$result"
done; done
