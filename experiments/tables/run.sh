#!/usr/bin/env bash
# The paper's comparisons: networks x priors x grids x samplers on MNIST, Fashion-MNIST, SiC and a
# reaction-diffusion system, one cell after another, the telling ones first. Needs KARHUNEN_DATA with
# mnist/, fashion-mnist/ and materials/sic_diamonds/ in it. What is done is kept: the same command goes on.
#   experiments/tables/run.sh                      everything, about two hours of one core
#   experiments/tables/run.sh --list               the cells and which are done
#   experiments/tables/run.sh --only mnist/fno     those whose name holds this
#   experiments/tables/run.sh --threads 2          threads of every command; 1 unless told otherwise
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${KARHUNEN_DATA:?set it to the folder that holds mnist/, fashion-mnist/ and materials/}"
if [ -z "${KARHUNEN:-}" ]; then
  cargo build --release --quiet
  export KARHUNEN=target/release/karhunen
fi
exec python3 experiments/tables/tables.py "$@"
