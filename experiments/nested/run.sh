#!/usr/bin/env bash
# The default network trained longer and sharpened, optimizers, networks at equal seconds, noises between flat and fitted, shares of the levels, and what a
# ladder of levels saves.
#
#     experiments/nested/run.sh long|few|optimizer|sharpness|networks|noise|shares|ladder [DATA …]
#
# DATA: mnist, sic, berea; of long also wide (MNIST, more channels on the coarse grids), classes (MNIST with its labels) and
# clusters (MNIST with 64 clusters of its own); of sharpness
# mnist, sic (models of long, by AdamW) and spinodal.
#
# Needs KARHUNEN_DATA with mnist/ and materials/ in it. NETWORKS and SEEDS choose some of those; long and ladder take
# OPTIMIZER=adamw, networks and noise OPTIMIZER=muon, long takes SECONDS_EACH=1800. Every training takes one thread, so that its seconds are processor seconds.
# Results in experiments/nested/results; what is done is kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
here=experiments/nested
data=${KARHUNEN_DATA:?set it to the folder that holds mnist/ and materials/}
group=${1:?long, few, optimizer, sharpness, networks, noise, shares or ladder}
shift
case $#-$group in
  0-sharpness) set -- mnist sic spinodal ;;
  0-few) set -- mnist ;;
  0-*) set -- mnist sic berea ;;
esac
mkdir -p "$here/results"
export RAYON_NUM_THREADS=1

fitted=(--set 'prior={kind="fitted"}')
log_normal=(--set 'training.time_density={kind="log-normal",mean=-1.0,deviation=1.2}')

# about DATA: its files, its finest grid, and how many fields are judged and shown to the classifier
about() {
  part=training
  case $1 in
    mnist) source=$data/mnist/train-images-idx3-ubyte.gz fine=28x28 count=1024 shown=256 seconds=100 part="" ;;
    sic) source=$data/materials/sic_diamonds fine=64x64 count=512 shown=256 seconds=300 ;;
    berea) source=$data/materials/berea/berea.zip fine=32x32x32 count=128 shown=96 seconds=400 ;;
    *) echo "no data of the name $1" >&2 && exit 2 ;;
  esac
  reference=$source
  [ "$1" != mnist ] || reference=$data/mnist/t10k-images-idx3-ubyte.gz
}

# run DATA NAME [--set …]: trained from DATA.toml unless that is done, sampled and compared with real fields: held-out digits,
# and the part of SiC and Berea that was trained on, because their held-out parts have another law
run() {
  local what=$1 name=$1-$2
  shift 2
  about "$what"
  local folder=runs/$here/$name result=$here/results/$name
  if [ ! -s "$result-ledger.json" ]; then
    "$karhunen" train "${before[@]}" --config "$here/$what.toml" --out "$folder" --set data.source="$source" "$@"
    cp "$folder/ledger.json" "$result-ledger.json"
  fi
  [ ! -s "$result.json" ] || return 0
  "$karhunen" sample --model "$folder" --grid "$fine" --count "$count" --seed 3 --out "$folder.npy" --force
  "$karhunen" evaluate --reference "$reference" --samples "$folder.npy" --model "$folder" --reference-count $((2 * count)) \
    ${part:+--part "$part"} --distinguish="$shown" --memorisation=none --picture "$folder.png" --json > "$result.part"
  mv "$result.part" "$result.json"
}

# long DATA: 900 s of one core, more samples, held-out fields and those trained on, twice the trained grid, sharper fields, a
# classifier's features
long() {
  local what=$1 name=$1${OPTIMIZER:+-$OPTIMIZER}-long${SECONDS_EACH:+-$SECONDS_EACH} part own=() classes=()
  local model=runs/$here/$name digits=runs/$here/digits.classifier
  case $1 in
    mnist) source=$data/mnist/train-images-idx3-ubyte.gz fine=28x28 double=56x56 count=1024 parts=held-out ;;
    wide)
      what=mnist source=$data/mnist/train-images-idx3-ubyte.gz fine=28x28 double=56x56 count=1024 parts=held-out
      own=(--set "network.width=[96,48,24]" --set "network.blocks=[6,4,4]")
      ;;
    classes)
      what=mnist source=$data/mnist/train-images-idx3-ubyte.gz fine=28x28 double=56x56 count=1024 parts=held-out
      own=(--set data.labels="$data/mnist/train-labels-idx1-ubyte.gz") classes=(--sample-labels "$model-labels.npy")
      ;;
    clusters)
      what=mnist source=$data/mnist/train-images-idx3-ubyte.gz fine=28x28 double=56x56 count=1024 parts=held-out
      own=(--set data.clusters=64)
      ;;
    sic) source=$data/materials/sic_diamonds fine=64x64 double=128x128 count=1024 parts="held-out training" ;;
    berea) source=$data/materials/berea/berea.zip fine=32x32x32 double=64x64x64 count=256 parts="held-out training" ;;
    *) echo "no data of the name $1" >&2 && exit 2 ;;
  esac
  reference=$source
  if [ $what = mnist ]; then
    reference=$data/mnist/t10k-images-idx3-ubyte.gz
    [ -s "$digits" ] || "$karhunen" classifier --source "$source" --labels "$data/mnist/train-labels-idx1-ubyte.gz" \
      --test "$reference" --test-labels "$data/mnist/t10k-labels-idx1-ubyte.gz" --out "$digits"
    classes=(--classifier "$digits" "${classes[@]}")
  fi
  if [ ! -s "$here/results/$name-ledger.json" ]; then
    "$karhunen" train --set sampling.sharpness=1 --set training.optimizer="${OPTIMIZER:-muon}" --config "$here/$what.toml" \
      --out "$model" --set data.source="$source" \
      --set training.seconds="${SECONDS_EACH:-900}" --set training.batch=8 "${own[@]}"
    cp "$model/ledger.json" "$here/results/$name-ledger.json"
    rm -f "$model"-*.npy
  fi
  for grid in $fine $double; do
    [ $grid = $fine ] || count=$((count / 4))
    [ -s "$model-$grid.npy" ] || "$karhunen" sample --model "$model" --grid $grid --count $count --seed 3 --out "$model-$grid.npy" --force \
      ${classes[2]:+--labels "$model-labels.npy"}
    for part in $parts; do judge "$model-$grid.npy" "$here/results/$name-$grid-$part" $part; done
  done
  [ -s "$model-sharp.npy" ] || "$karhunen" sample --model "$model" --grid $fine --count $((4 * count)) --seed 3 --sharpness 1.1 \
    --out "$model-sharp.npy" --force ${classes[2]:+--labels "$model-labels.npy"}
  for part in $parts; do judge "$model-sharp.npy" "$here/results/$name-sharp-$fine-$part" $part; done
}

# judge SAMPLES RESULT PART: samples of long beside real fields
judge() {
  [ ! -s "$2.json" ] || return 0
  "$karhunen" evaluate --reference "$reference" --samples "$1" --model "$model" --part "$3" --distinguish --memorisation=none \
    --picture "${1%.npy}-$3.png" --json "${classes[@]}" > "$2.part"
  mv "$2.part" "$2.json"
}

# sharpness DATA: the model of long, sampled with several factors of what the network adds
sharpness() {
  local w more=() model=runs/$here/$1-adamw-long
  case $1 in
    mnist) reference=$data/mnist/t10k-images-idx3-ubyte.gz fine=28x28 count=512 shown=192 more=(--classifier "runs/$here/digits.classifier") ;;
    sic) reference=$data/materials/sic_diamonds fine=64x64 count=256 shown=192 more=(--part training) ;;
    spinodal) reference=builtin:spinodal fine=64x64 count=192 shown=96 model=builtin:spinodal ;;
    *) echo "no data of the name $1" >&2 && exit 2 ;;
  esac
  case $model in builtin:*) ;; *) [ -d "$model" ] || { echo "no model $model: run OPTIMIZER=adamw $here/run.sh long $1 first" >&2 && exit 2; } ;; esac
  mkdir -p "$here/results/sharpness"
  for w in 1 1.1 1.15 1.3; do
    local result=$here/results/sharpness/$1-$w
    [ ! -s "$result.json" ] || continue
    "$karhunen" sample --model "$model" --grid $fine --count $count --seed 3 --sharpness $w --out "runs/$here/$1-$w.npy" --force
    "$karhunen" evaluate --reference "$reference" --samples "runs/$here/$1-$w.npy" --model "$model" --reference-count $((2 * count)) \
      --distinguish=$shown --memorisation=none --json "${more[@]}" > "$result.part"
    mv "$result.part" "$result.json"
  done
}

# rungs GRID@SHARE …: a ladder of levels
rungs() {
  local text="" part
  for part in "$@"; do text+="{grid=\"${part%@*}\",share=${part#*@}},"; done
  echo "levels=[${text%,}]"
}

# ladder DATA STEPS CLIMB LATE SHARES…: so many steps at the finest level alone, against the finest level alone and two ladders at about 30 %
# of their operations: CLIMB steps of these shares, and LATE steps, half of them for the finest level, a tenth of which replay the coarse ones
ladder() {
  local what=$1 steps=$2 climb=$3 late=$4 seed rule=${OPTIMIZER:+$OPTIMIZER-}
  shift 4
  for seed in ${SEEDS:-0 1 2}; do
    local both=(--set seed=$seed --set training.optimizer="${OPTIMIZER:-muon}" --set training.batch=8 --set training.validation_fields=512)
    run "$what" "${rule}ladder-$seed" "${both[@]}" --set training.steps="$climb" --set "$(rungs "$@")"
    run "$what" "${rule}late-$seed" "${both[@]}" --set training.steps="$late" --set "$(rungs "${1%@*}@0.33" "${2%@*}@0.17" "${3%@*}@0.5")"
    # the same three stages, of which the coarse ones are trained on the finest level from the second step on
    run "$what" "${rule}cold-$seed" "${both[@]}" --set training.steps="$steps" --set training.replay=0 \
      --set "$(rungs "${1%@*}@1e-9" "${2%@*}@1e-9" "${3%@*}@1")"
    run "$what" "${rule}short-$seed" "${both[@]}" --set training.steps=$((steps * 3 / 10)) --set training.replay=0 \
      --set "$(rungs "${1%@*}@1e-9" "${2%@*}@1e-9" "${3%@*}@1")"
  done
}

# few mnist: the model of long after 1800 s, by samplers and numbers of evaluations
few() {
  [ "$1" = mnist ] || { echo "few is for mnist" >&2 && exit 2; }
  local each model=runs/$here/mnist-long-1800 digits=runs/$here/digits.classifier
  [ -d "$model" ] || { echo "no model $model: run SECONDS_EACH=1800 $here/run.sh long mnist first" >&2 && exit 2; }
  mkdir -p "$here/results/few"
  for each in dpm++2m-50 dpm++2m-20 dpm++2m-8 unipc-20 unipc-16 unipc-12 unipc-8 wiener-ancestral-50 heun-churn-51; do
    local result=$here/results/few/mnist-$each
    [ ! -s "$result.json" ] || continue
    "$karhunen" sample --model "$model" --grid 28x28 --count 1024 --seed 3 --sharpness 1.1 --sampler "${each%-*}" --evaluations "${each##*-}" \
      --out "runs/$here/few.npy" --force
    "$karhunen" evaluate --reference "$data/mnist/t10k-images-idx3-ubyte.gz" --samples "runs/$here/few.npy" --model "$model" --reference-count 2048 \
      --distinguish=256 --memorisation=none --classifier "$digits" --json > "$result.part"
    mv "$result.part" "$result.json"
  done
}

if [ $group = long ] || [ $group = sharpness ] || [ $group = few ]; then
  for what in "$@"; do $group "$what"; done
  exit
fi
for what in "$@"; do
  about "$what"
  # of networks and noise: by AdamW, or by OPTIMIZER
  rule=${OPTIMIZER:+$OPTIMIZER-} both=(--set training.batch=8 ${OPTIMIZER:+--set training.optimizer="$OPTIMIZER"})
  case $group in
    networks)
      for network in ${NETWORKS:-nested fno-flat fno-fitted unet}; do
        case $network in
          nested) own=() ;;
          fno-flat) own=(--set 'network={kind="fno"}') ;;
          fno-fitted) own=(--set 'network={kind="fno"}' "${fitted[@]}" "${log_normal[@]}") ;;
          unet) own=(--set 'network={kind="unet",channels=32}') ;;
        esac
        run "$what" "$rule$network" --set training.seconds=$seconds "${both[@]}" "${own[@]}"
      done
      ;;
    optimizer)
      # MNIST at equal steps, the others at equal seconds
      own=(--set training.seconds=$seconds)
      [ "$what" != mnist ] || own=(--set training.steps=2000)
      for rule in adamw muon; do
        run "$what" optimizer-$rule "${own[@]}" --set training.batch=8 --set training.optimizer=$rule
      done
      [ "$what" != mnist ] || run mnist optimizer-adamw-4e-3 "${own[@]}" --set training.batch=8 --set training.learning_rate=4e-3
      ;;
    noise)
      # MNIST at equal seconds, the others at equal steps
      own=(--set training.steps=2000)
      [ "$what" != mnist ] || own=(--set training.seconds=$seconds)
      run "$what" "${rule}scan-flat" "${own[@]}" "${both[@]}"
      for exponent in 0.25 0.5 0.75; do
        run "$what" "${rule}tempered-$exponent" "${own[@]}" "${both[@]}" --set "prior={kind=\"tempered\",exponent=$exponent}"
      done
      run "$what" "${rule}scan-fitted" "${own[@]}" "${both[@]}" "${fitted[@]}" "${log_normal[@]}"
      ;;
    shares)
      case $what in
        mnist) grids=(7x7 14x14 28x28) ;;
        sic) grids=(16x16 32x32 64x64) ;;
        berea) grids=(8x8x8 16x16x16 32x32x32) ;;
      esac
      for seed in ${SEEDS:-0 1 2}; do
        for shares in 0.4,0.3,0.3 0.33,0.17,0.5 0.2,0.3,0.5 0.1,0.2,0.7; do
          IFS=, read -ra each <<< "$shares"
          run "$what" "shares-$shares-$seed" --set seed=$seed --set training.seconds=$seconds --set training.batch=8 \
            --set "$(rungs "${grids[0]}@${each[0]}" "${grids[1]}@${each[1]}" "${grids[2]}@${each[2]}")"
        done
      done
      ;;
    ladder)
      case $what in
        mnist) ladder mnist 12000 10680 6000 7x7@0.56 14x14@0.28 28x28@0.16 ;;
        sic) ladder sic 2400 2136 1200 16x16@0.56 32x32@0.28 64x64@0.16 ;;
        berea) ladder berea 400 356 200 8x8x8@0.56 16x16x16@0.28 32x32x32@0.16 ;;
      esac
      ;;
    *) echo "long, few, optimizer, sharpness, networks, noise, shares or ladder" >&2 && exit 2 ;;
  esac
done
