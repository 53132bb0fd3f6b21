#!/bin/sh
# Five tasks of published diffusion solvers, remade: 500 values of 128x128 known, of the coefficient or of the solution.
# Needs NumPy, SciPy and (one row) GSTools for python3. Results in results/. Most of the time goes to the
# inverse problems, the exact law of Darcy's and the draws of trained models. PYTHON and KARHUNEN name other programs.
set -eu
cd "$(dirname "$0")"
karhunen="${KARHUNEN:-karhunen}"
python="${PYTHON:-python3}"
run=../../runs/pde
out=results
mkdir -p "$run" "$out"
pairs() { # equation, cells, fields, seed, file: kept if it exists
  [ -e "$run/$5" ] || (cd ../.. && cargo run --release -q -p karhunen-simulate --example pairs -- "$1" "$2" 0 "$3" "$4" "runs/pde/$5")
}
for equation in poisson helmholtz darcy navier-stokes; do
  pairs "$equation" 128 50 1 "$equation-truths.npy"
done
pairs poisson 128 512 2 poisson-train.npy
pairs darcy 128 1024 2 darcy-train.npy
pairs navier-stokes 64 512 2 navier-stokes-train-64.npy
"$python" prepare.py "$run"
rm -f "$out"/*.jsonl

# what can be known, and what ordinary tools make of it
"$python" oracle.py "$run" "$out" 128 500 50
"$python" oracle.py "$run" "$out" 64 500 16 poisson helmholtz
# guidance alone: the exact denoiser of the Gaussian source
for evaluations in 10 50; do
  (cd ../.. && cargo run --release -q -p karhunen-simulate --example guidances -- 128 500 16 8 "$evaluations") >> "$out/guidances.jsonl"
done
# nonlinear inverse problems
"$python" inverse.py "$run" "$out" darcy 128 500 50
"$python" inverse.py "$run" "$out" navier-stokes 128 500 20

# trained models
train() { # name, configuration, file
  [ -e "$run/$1" ] || "$karhunen" train --set sampling.sharpness=1 --set training.optimizer=adamw --config "$2.toml" --out "$run/$1" --set "data.source=$run/$3"
}
train poisson-a poisson-a poisson-a.npy
train darcy-a darcy-a darcy-a.npy
train poisson-joint joint poisson-joint-64.npy
train darcy-joint joint darcy-joint-64.npy
for task in poisson-forward poisson-inverse helmholtz-inverse darcy-forward darcy-inverse poisson-joint darcy-joint; do
  "$python" ours.py "$karhunen" "$run" "$out" "$task"
done
"$python" table.py "$out"
