#!/usr/bin/env bash
# Models of one, two and four evaluations, distilled from models of twenty, beside the same models at as few evaluations.
#
#     experiments/distil/run.sh spinodal|mnist|grains …
#
# spinodal and grains are the models that come with the program. The one of mnist is trained here, and needs KARHUNEN_DATA with
# mnist/ in it. TEACHER and STUDENT choose numbers of evaluations. Results in experiments/distil/results; what is done is kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
source experiments/functions.sh
here=experiments/distil
mkdir -p $here/results runs/$here
export RAYON_NUM_THREADS=1

# judged NAME MODEL [sample options]
judged() {
  local name=$1 model=$2 result=$here/results/$1
  shift 2
  [ ! -s "$result.json" ] || return 0
  "$karhunen" sample --model "$model" --count "$count" --seed 3 --out "runs/$here/$name.npy" --force "$@"
  "$karhunen" evaluate --reference "$reference" --samples "runs/$here/$name.npy" --model "$model" \
    --reference-count $((2 * count)) --distinguish=256 --memorisation=none --picture "runs/$here/$name.png" --json > "$result.part"
  mv "$result.part" "$result.json"
}

for what in "$@"; do
  case $what in
    spinodal | grains) model=builtin:$what reference=builtin:$what count=512 ;;
    mnist)
      digits=${KARHUNEN_DATA:?set it to the folder that holds mnist/}/mnist
      model=runs/$here/mnist-teacher count=1024 reference=$digits/t10k-images-idx3-ubyte.gz
      "$karhunen" train "${before[@]}" --config experiments/nested/mnist.toml --set data.source="$digits/train-images-idx3-ubyte.gz" \
        --set training.seconds=140 --set training.batch=8 --out "$model"
      ;;
    *) echo "spinodal, mnist or grains" >&2 && exit 2 ;;
  esac
  for n in ${TEACHER:-20 8 4 2}; do judged "$what-teacher-$n" "$model" --evaluations $n; done
  for n in ${STUDENT:-4 2 1}; do
    [ -s "$here/results/$what-student-$n.json" ] || "$karhunen" distil "$model" --evaluations $n --out "runs/$here/$what-$n"
    judged "$what-student-$n" "runs/$here/$what-$n"
  done
done
