#!/usr/bin/env bash
# What should the defaults be? One change at a time against the default run, equal seconds:
# preconditioning, prior, sampler. Needs KARHUNEN_DATA. About a quarter of an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
root=${KARHUNEN_DATA:?set it to the folder that holds mnist/ and materials/}

# choice DATASET NAME GRID REFERENCE SETTINGS…
choice() {
  local dataset=$1 name=$2 grid=$3 reference=$4 here=experiments/choices
  shift 4
  cp "experiments/$dataset/ladder.toml" "runs/$dataset-$name.toml"
  mkdir -p "$here/results" "runs/$here"
  "$karhunen" train "${before[@]}" --config "runs/$dataset-$name.toml" --out "runs/$here/$dataset-$name" \
    --set training.seconds="${SECONDS_EACH:-45}" "$@"
  sampled "$here" "$dataset-$name" "$grid" 1024 "$reference"
}

samplers() {
  local dataset=$1 grid=$2 reference=$3 sampler evaluations
  for sampler in dpm++2m heun; do
    for evaluations in 10 20 50; do
      LABEL=$sampler-$evaluations sampled experiments/choices "$dataset-default" "$grid" 1024 \
        "$reference" --sampler $sampler --evaluations $evaluations
    done
  done
  LABEL=euler-maruyama-200 sampled experiments/choices "$dataset-default" "$grid" 1024 \
    "$reference" --sampler euler-maruyama --evaluations 200
}

mkdir -p runs
for dataset in mnist sic; do
  if [ $dataset = mnist ]; then
    grid=28x28 samplers_grid=28x28 source=$root/mnist/train-images-idx3-ubyte.gz
    reference=$root/mnist/t10k-images-idx3-ubyte.gz
  else
    grid=64x64 samplers_grid=32x32 source=$root/materials/sic_diamonds
    reference=$source
  fi
  own="--set data.source=$source"
  choice $dataset default $grid "$reference" $own
  choice $dataset scalar $grid "$reference" $own --set training.preconditioning=scalar
  choice $dataset none $grid "$reference" $own --set training.preconditioning=none
  bessel="--set prior.kind=bessel --set prior.gamma=8 --set prior.power=0.55"
  choice $dataset bessel-wiener $grid "$reference" $own $bessel
  choice $dataset bessel-none $grid "$reference" $own $bessel --set training.preconditioning=none
  samplers $dataset $samplers_grid "$reference"
done
