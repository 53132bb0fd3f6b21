#!/bin/sh
# A training that is longer than a job may be:  sbatch examples/slurm.sh run.toml runs/x
#
# Two minutes before its time is over Slurm sends SIGTERM to this script (B:), which hands it on. The training
# writes a checkpoint and ends with 130; the job is put back into the queue and goes on from there. Whatever
# else ends it (it is done, 0; something is wrong, 1 or 2) ends the job.
#SBATCH --job-name=karhunen
#SBATCH --time=04:00:00
#SBATCH --cpus-per-task=16
#SBATCH --mem=32G
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=karhunen-%j.log
set -u

config=${1:?name a configuration}
out=${2:?name the directory of the run}

karhunen train --config "$config" --out "$out" --threads "${SLURM_CPUS_PER_TASK:-1}" &
training=$!

told=
trap 'told=yes; kill -TERM "$training"' TERM
wait "$training"
code=$?
# the signal ended the waiting, not the training
if [ -n "$told" ]; then
    wait "$training"
    code=$?
fi

if [ "$code" -eq 130 ] && [ -n "$told" ]; then
    exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
