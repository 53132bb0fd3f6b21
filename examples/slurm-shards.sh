#!/bin/sh
# Many fields by an array of independent jobs, and a job that joins them:
#
#   array=$(sbatch --parsable examples/slurm-shards.sh runs/x 100000 samples.zarr)
#   sbatch --dependency="afterok:$array" --wrap "karhunen merge samples.zarr --remove"
#
# A job that failed is run again alone:  sbatch --array=7 examples/slurm-shards.sh …
#SBATCH --job-name=karhunen-sample
#SBATCH --array=1-16
#SBATCH --cpus-per-task=8
#SBATCH --time=02:00:00
#SBATCH --output=karhunen-%A-%a.log
set -eu

model=${1:?name a model}
count=${2:?say how many fields}
out=${3:?name the file of all fields}
# the number of shards is that of the whole array, also where one job is run again
shards=${SHARDS:-16}

exec karhunen sample --model "$model" --count "$count" --out "$out" \
    --shard "$SLURM_ARRAY_TASK_ID/$shards" --threads "${SLURM_CPUS_PER_TASK:-1}" --force
