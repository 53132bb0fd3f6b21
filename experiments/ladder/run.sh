#!/usr/bin/env bash
# Does the ladder pay? Cold training at the finest level against two and three levels and against automatic
# switching, the same steps and the same cosine, on MNIST and SiC. Needs KARHUNEN_DATA with mnist/ and
# materials/sic_diamonds/ in it. Results in experiments/ladder/results; about 20 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
here=experiments/ladder
data=${KARHUNEN_DATA:?set it to the folder that holds mnist/ and materials/}

# one DATA NAME LEVELS [--set …]
one() {
  local what=$1 name=$2 levels=$3 source
  shift 3
  case $what in
    mnist) source=$data/mnist/train-images-idx3-ubyte.gz ;;
    sic) source=$data/materials/sic_diamonds ;;
  esac
  [ -s "$here/results/$what-$name-ledger.json" ] && return
  mkdir -p "$here/results"
  "$karhunen" train --config "$here/$what.toml" --out "runs/$here/$what-$name" ${THREADS:+--threads "$THREADS"} \
    --set data.source="$source" --set levels="$levels" "$@"
  cp "runs/$here/$what-$name/ledger.json" "$here/results/$what-$name-ledger.json"
}

rungs() {
  local text="" part
  for part in "$@"; do text+="{ grid = \"${part%@*}\", share = ${part#*@} }, "; done
  echo "[${text%, }]"
}

for what in mnist sic; do
  case $what in
    mnist) fine=28x28 middle=14x14 coarse=7x7 ;;
    sic) fine=64x64 middle=32x32 coarse=16x16 ;;
  esac
  one $what cold "$(rungs $fine@1.0)"
  one $what two "$(rungs $middle@0.7 $fine@0.3)"
  one $what three "$(rungs $coarse@0.6 $middle@0.25 $fine@0.15)"
  one $what two-automatic "$(rungs $middle@0.7 $fine@0.3)" --set training.switching=automatic
  one $what three-automatic "$(rungs $coarse@0.6 $middle@0.25 $fine@0.15)" --set training.switching=automatic
done
python3 $here/table.py $here/results
