#!/usr/bin/env bash
# Does the ladder pay? Cold training at the finest level against two and three levels and against automatic
# switching at the same number of steps, and against cold training stopped at the ladder's cost, on MNIST and
# SiC. Loss on held-out fields, and 1,024 samples judged as the network makes them, without calibration. Needs
# KARHUNEN_DATA with mnist/ and materials/sic_diamonds/ in it. Results in experiments/ladder/results; about
# half an hour on two cores. What is done is kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
here=experiments/ladder
data=${KARHUNEN_DATA:?set it to the folder that holds mnist/ and materials/}
threads=${THREADS:+--threads $THREADS}

# one DATA NAME SEED LEVELS [--set …]
one() {
  local what=$1 name=$1-$2-seed-$3 seed=$3 levels=$4 source reference part=""
  shift 4
  case $what in
    mnist)
      source=$data/mnist/train-images-idx3-ubyte.gz
      reference=$data/mnist/t10k-images-idx3-ubyte.gz
      ;;
    sic)
      source=$data/materials/sic_diamonds
      # slices held out have another mean: a question of the data, not of the ladder
      reference=$source part=training
      ;;
  esac
  mkdir -p "$here/results"
  local ledger=$here/results/$name-ledger.json
  if [ ! -s "$ledger" ]; then
    "$karhunen" train "${before[@]}" --config "$here/$what.toml" --out "runs/$here/$name" $threads --set seed="$seed" \
      --set data.source="$source" --set levels="$levels" "$@"
    cp "runs/$here/$name/ledger.json" "$ledger"
  fi
  PART=$part sampled $here "$name" $fine 1024 "$reference" --calibration none $threads
}

rungs() {
  local text="" part
  for part in "$@"; do text+="{ grid = \"${part%@*}\", share = ${part#*@} }, "; done
  echo "[${text%, }]"
}

for what in mnist sic; do
  case $what in
    mnist) fine=28x28 middle=14x14 coarse=7x7 ;;
    sic) fine=64x64 middle=32x32 coarse=16x16 ;;
  esac
  cold=$(rungs $fine@1.0)
  two=$(rungs $middle@0.7 $fine@0.3)
  three=$(rungs $coarse@0.6 $middle@0.25 $fine@0.15)
  one $what three-no-replay 0 "$three" --set training.replay=0
  one $what cold 0 "$cold"
  one $what cold-short 0 "$cold" --set training.steps=1000
  one $what three 0 "$three"
  one $what two 0 "$two"
  one $what three-automatic 0 "$three" --set training.switching=automatic
  one $what two-automatic 0 "$two" --set training.switching=automatic
done
for what in mnist sic; do
  case $what in
    mnist) fine=28x28 middle=14x14 coarse=7x7 ;;
    sic) fine=64x64 middle=32x32 coarse=16x16 ;;
  esac
  for seed in 1 2; do
    one $what three-no-replay $seed "$(rungs $coarse@0.6 $middle@0.25 $fine@0.15)" --set training.replay=0
    one $what cold $seed "$(rungs $fine@1.0)"
    one $what cold-short $seed "$(rungs $fine@1.0)" --set training.steps=1000
  done
done
python3 $here/table.py $here/results
