#!/usr/bin/env bash
# Is one seed one function on every grid? Networks trained at 16 -> 32 on SiC patches, sampled at 32, 64
# and 128 by three samplers, asked about the trained band or about all that the grid holds, without
# spectral calibration. Needs
# KARHUNEN_DATA with materials/sic_diamonds/ in it. Results in experiments/consistency/results; about
# half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds materials/}/materials/sic_diamonds
here=experiments/consistency
runs=runs/$here
mkdir -p "$here/results" "$runs"

# network NAME [--set …]: the ladder of all networks here; its ledger is a result
network() {
  local name=$1
  shift
  [ -s "$here/results/$name-ledger.json" ] && return
  "$karhunen" train "${before[@]}" --config "$here/ladder.toml" --set data.source="$data" --out "$runs/$name" "$@"
  cp "$runs/$name/ledger.json" "$here/results/$name-ledger.json"
}

# same NAME BAND SAMPLER EVALUATIONS COUNT: the same functions at 32, 64 and 128, compared
same() {
  local name=$1 band=$2 sampler=$3 evaluations=$4 count=$5 grid
  local label=$name-$band-$sampler-$evaluations
  local result=$here/results/$label.json
  [ -s "$result" ] && return
  for grid in 32 64 128; do
    "$karhunen" sample --model "$runs/$name" --grid ${grid}x$grid --band "$band" --sampler "$sampler" \
      --evaluations "$evaluations" --count "$count" --seed 1 --calibration none \
      --out "$runs/$label-$grid.npy" --force
  done
  for grid in 64 128; do
    "$karhunen" evaluate --reference "$data" --patch 128x128 --reference-count "$((2 * count))" \
      --samples "$runs/$label-$grid.npy" --same "$runs/$label-32.npy" --json > "$runs/$label-$grid.json"
  done
  python3 - "$runs/$label" > "$result.part" <<'END'
import json, sys
error = {grid: json.load(open(f"{sys.argv[1]}-{grid}.json"))["consistency"]["error"] for grid in ("64", "128")}
print(json.dumps({"consistency_at_64": error["64"], "consistency_at_128": error["128"]}))
END
  mv "$result.part" "$result"
}

network plain
network local --set network.local=depthwise
for name in plain local; do
  for band in grid trained; do
    same $name $band dpm++2m 20 16
    same $name $band wiener-exponential 20 16
    same $name $band euler-maruyama 200 4
  done
done

# quality on the finer grids: fields of the model's own held-out slices at 64 and 128
for band in grid trained; do
  LABEL=$band sampled "$here" plain 64x64 512 "$data" --band $band --calibration none
  LABEL=$band sampled "$here" plain 128x128 128 "$data" --band $band --calibration none
done
