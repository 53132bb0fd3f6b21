#!/bin/sh
# Wells, inpainting, super-resolution and a volume fraction on built-in data: pictures and residuals in results/.
set -eu
cd "$(dirname "$0")"
karhunen="${KARHUNEN:-karhunen}"
out=results
run=../../runs/conditioning
mkdir -p "$run" "$out"
model=builtin:spinodal
# the truth is a field of the model itself, so the law that is used is right
"$karhunen" sample --model "$model" --seed 77 --count 1 --calibration none --out "$run/truth.npy" --force
"$karhunen" sample --model "$model" --seed 77 --count 1 --calibration none --grid 16x16 --out "$run/coarse-16.npy" --force
python3 make.py "$run/truth.npy" "$run/coarse-16.npy" "$run"
: > "$out/residuals.txt"
for name in wells.csv sensors.csv half.toml coarse.toml part-0.2.toml part-0.35.toml part-0.5.toml part-0.65.toml; do
  echo "$name" >> "$out/residuals.txt"
  "$karhunen" sample --model "$model" --observe "$run/$name" --count 32 --evaluations 25 --seed 5 \
    --report "$run/report-$name" --out "$run/draws-$name.npy" --force >> "$out/residuals.txt"
  cp "$run/report-$name/posterior.png" "$out/${name%.*}.png"
done
for what in "" --surrogate; do
  "$karhunen" calibrate --model "$model" --observe "$run/sensors.csv" --truths 24 --draws 39 $what \
    > "$out/calibrate${what#-}.txt"
done
# guidance on a law whose posterior is known
(cd ../.. && cargo run --release -q -p karhunen-field --example conditioning -- 16 1000) > "$out/mixture.jsonl"
