#!/usr/bin/env bash
# Local kernels and depth, one change at a time: validation loss on SiC patches at 32x32 at equal steps,
# ladders on SiC and on built-in data. Needs KARHUNEN_DATA with materials/sic_diamonds/ in it. About an
# hour on two quiet cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds materials/}/materials/sic_diamonds
here=experiments/operators
mkdir -p "$here/results"
# the noise and the times that the results were made with
noise=(--set 'prior={kind="fitted"}' --set 'training.time_density={kind="log-normal",mean=-1.0,deviation=1.2}' --set training.share=total)

# run NAME CONFIG [--set …]: trains into runs/, keeps the ledger
run() {
  local name=$1 config=$2
  shift 2
  [ -s "$here/results/$name-ledger.json" ] && return
  "$karhunen" train "${before[@]}" --config "$config" --out "runs/$here/$name" "${noise[@]}" "$@"
  cp "runs/$here/$name/ledger.json" "$here/results/$name-ledger.json"
}
level() {
  local name=$1 steps=$2
  shift 2
  run "$name" experiments/sic/ladder.toml --set data.source="$data" \
    --set 'levels=[{grid="32x32",share=1}]' --set training.validation_fields=512 \
    --set training.steps="$steps" "$@"
}
local6=(--set network.local=depthwise --set network.layers=6)
fast=(--set training.learning_rate=4e-3)

level plain 1200
level local 1200 --set network.local=depthwise
level plain-6-layers 1200 --set network.layers=6
level local-6-layers 1200 "${local6[@]}"
level plain-width-48 1200 --set network.width=48
level local-8-layers-8-modes 1200 --set network.local=depthwise --set network.layers=8 --set 'network.modes=[8]'
level plain-rate-4e-3 1000 "${fast[@]}"
level local-6-layers-rate-4e-3 1000 "${local6[@]}" "${fast[@]}"
level local-6-layers-rate-4e-3-reach-2-cells 1000 "${local6[@]}" "${fast[@]}" --set network.reach=0.0625
level local-6-layers-rate-4e-3-10-modes 1000 "${local6[@]}" "${fast[@]}" --set 'network.modes=[10]'
level local-6-layers-rate-4e-3-decay 1000 "${local6[@]}" "${fast[@]}" --set training.weight_decay=0.02

for name in ladder-plain ladder-local; do
  extra=("${fast[@]}")
  [ $name = ladder-local ] && extra+=("${local6[@]}" --set 'network.modes=[10]')
  run $name experiments/sic/ladder.toml --set data.source="$data" --set training.steps=2500 "${extra[@]}"
  for grid in 32x32 64x64; do sampled "$here" $name $grid 512 "$data"; done
  sampled "$here" $name 128x128 192 "$data"
done
# the rate and the replay of the day, as sic/ladder.toml has them
minute=(--set network.kind=fno --set training.batch=32 --set training.seconds=60 --set 'training.rate={kind="cosine"}' --set training.replay=0.2)
run builtin-plain examples/builtin.toml "${minute[@]}" --set training.replay=0
run builtin-plain-replay examples/builtin.toml "${minute[@]}" --set training.learning_rate=3e-3
run builtin-local-replay examples/builtin.toml "${minute[@]}" --set training.learning_rate=3e-3 \
  --set network.local=depthwise --set 'network.modes=[10]'
for name in builtin-plain builtin-plain-replay builtin-local-replay; do
  for grid in 32x32 64x64; do sampled "$here" $name $grid 256 builtin:spinodal; done
done
