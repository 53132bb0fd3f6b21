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
for name in wells.csv sensors.csv half.toml coarse.toml; do
  echo "$name" >> "$out/residuals.txt"
  "$karhunen" sample --model "$model" --observe "$run/$name" --count 32 --evaluations 25 --seed 5 \
    --report "$run/report-$name" --out "$run/draws-$name.npy" --force >> "$out/residuals.txt"
  cp "$run/report-$name/posterior.png" "$out/${name%.*}.png"
done
# fractions: of grains, whose fields have 0.35 to 0.7 of them (fields of the model above have one half each)
for part in 0.35 0.5 0.65; do
  printf '[[observe]]\nkind = "fraction"\nvalue = %s\nthreshold = 0.0\nsd = 0.005\n' "$part" > "$run/part-$part.toml"
  echo "grains, part-$part.toml" >> "$out/residuals.txt"
  "$karhunen" sample --model builtin:grains --observe "$run/part-$part.toml" --count 32 --evaluations 25 --seed 5 \
    --report "$run/report-part-$part" --out "$run/draws-part-$part.npy" --force >> "$out/residuals.txt"
  cp "$run/report-part-$part/posterior.png" "$out/part-$part.png"
done
for what in "" --surrogate; do
  "$karhunen" calibrate --model "$model" --observe "$run/sensors.csv" --truths 24 --draws 39 $what \
    > "$out/calibrate${what#-}.txt"
done
# guidance on a law whose posterior is known
(cd ../.. && cargo run --release -q -p karhunen-field --example conditioning -- 16 1000) > "$out/mixture.jsonl"
