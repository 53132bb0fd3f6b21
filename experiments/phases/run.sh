#!/usr/bin/env bash
# Phases as level sets and as grey values: Berea sandstone (3-D), three phases of SiC, built-in grains. Needs KARHUNEN_DATA with
# materials/ in it, and for SiC a Python with the packages that segment.py names. Results in
# experiments/phases/results; about two hours of processor time, one thread.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
data=${KARHUNEN_DATA:?set it to the folder that holds materials/}/materials
here=experiments/phases
results=$here/results
runs=runs/$here
mkdir -p "$results" "$runs"

# measured MODEL GRID COUNT REFERENCE NAME [options of evaluate]
measured() {
  local model=$1 grid=$2 count=$3 reference=$4 name=$5
  shift 5
  [ -s "$results/$name.json" ] && return
  "$karhunen" sample --model "$runs/$model" --grid "$grid" --count "$count" --seed 1 --out "$runs/$name.npy" --force
  "$karhunen" evaluate --reference "$reference" --samples "$runs/$name.npy" --model "$runs/$model" \
    --reference-count $((2 * count)) --memorisation=none --picture "$results/$name.png" --force "$@" --json > "$results/$name.part"
  mv "$results/$name.part" "$results/$name.json"
}

train "$here" berea --set data.source="$data/berea/berea.zip"
measured berea 32x32x32 128 "$data/berea/berea.zip" berea-32
measured berea 64x64x64 32 "$data/berea/berea.zip" berea-64
"$karhunen" sample --model "$runs/berea" --grid 256x256x256 --count 1 --seed 1 --phase pore --out "$runs/berea-256.stl" --force
python3 "$here/render.py" "$runs/berea-256.stl" docs/pictures/berea-pores-256.png

# the same by grey values: samples are cut at half of white, and judged as labels like the others
train "$here" berea-grey --set data.source="$data/berea/berea.zip"
for size in 32:128 64:32; do
  grid=${size%:*} count=${size#*:}
  "$karhunen" sample --model "$runs/berea-grey" --grid "${grid}x${grid}x${grid}" --count "$count" --seed 1 \
    --out "$runs/grey-$grid-values.npy" --force
  python3 -c "import numpy, sys; v = numpy.load(sys.argv[1]); print('between 25 and 230:', ((v > 25) & (v < 230)).mean());
numpy.save(sys.argv[2], (v > 127.5).astype('u1') * 255)" \
    "$runs/grey-$grid-values.npy" "$runs/grey-$grid.npy"
  "$karhunen" evaluate --reference "$data/berea/berea.zip" --samples "$runs/grey-$grid.npy" --model "$runs/berea" \
    --reference-count $((2 * count)) --memorisation=none --picture "$results/berea-grey-$grid.png" --force --json > "$results/berea-grey-$grid.json"
done

python3 "$here/segment.py" "$data/sic_diamonds" "$runs/sic-phases"
train "$here" sic --set data.source="$runs/sic-phases"
measured sic 64x64 512 "$runs/sic-phases" sic-64 --distinguish=256
measured sic 128x128 256 "$runs/sic-phases" sic-128

train "$here" grains
measured grains 64x64 512 builtin:grains grains-64 --distinguish=256
measured grains 128x128 256 builtin:grains grains-128
