#!/bin/sh
# A training by several nodes, longer than a job may be:  sbatch examples/slurm-mpi.sh run.toml runs/x
#
# Every node has one rank with all its cores, or one a card with --device gpu:local. Two minutes before the time is over
# this script is told (B:) and tells all ranks: the first one writes a checkpoint, all end with 130, and the job is
# put back into the queue. It may go on with another number of nodes: bits do not depend on it.
#SBATCH --job-name=karhunen
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=karhunen-%j.log
set -u

config=${1:?name a configuration}
out=${2:?name the directory of the run, which all nodes see}

srun --mpi=pmix --kill-on-bad-exit=1 \
    karhunen train --config "$config" --out "$out" --threads "${SLURM_CPUS_PER_TASK:-1}" &
training=$!

told=
# srun kills the ranks when it gets a SIGTERM itself, so the signal goes to the ranks: they are the job's first step
trap 'told=yes; scancel --signal=TERM "$SLURM_JOB_ID.0"' TERM
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
