# Steps that every experiment takes. Models and samples go to runs/, which is not committed;
# numbers and pictures of generated fields go to the experiment's results/. What exists is kept, so
# an interrupted experiment goes on where it stopped.

karhunen=${KARHUNEN:-target/release/karhunen}
[ -n "${KARHUNEN:-}" ] || cargo build --release --quiet

# defaults that the results were made with
before=(--set sampling.sharpness=1 --set training.optimizer=adamw)

# train FOLDER NAME [--set …]: FOLDER/NAME.toml into runs/FOLDER/NAME; its ledger is a result
train() {
  local folder=$1 name=$2
  shift 2
  mkdir -p "$folder/results"
  "$karhunen" train "${before[@]}" --config "$folder/$name.toml" --out "runs/$folder/$name" "$@"
  cp "runs/$folder/$name/ledger.json" "$folder/results/$name-ledger.json"
}

# sampled FOLDER NAME GRID COUNT REFERENCE [sample options]: samples, compared, one JSON object.
# ALSO: a second file of the reference, for its further channels; CHECK=--memorisation: whether
# samples repeat training fields; PART=training: compared with the fields trained on; SEED: of the samples
sampled() {
  local folder=$1 name=$2 grid=$3 count=$4 reference=$5 label
  shift 5
  label=$name-$grid${LABEL:+-$LABEL}
  local samples=runs/$folder/$label.npy result=$folder/results/$label.json
  [ -s "$result" ] && return
  "$karhunen" sample --model "runs/$folder/$name" --grid "$grid" --count "$count" --seed "${SEED:-1}" \
    --out "$samples" --force "$@"
  "$karhunen" evaluate --reference "$reference" ${ALSO:+"$ALSO"} --samples "$samples" --model "runs/$folder/$name" \
    --reference-count $((2 * count)) ${PART:+--part "$PART"} ${CHECK:-} --json > "$result.part"
  mv "$result.part" "$result"
}

# picture FOLDER NAME GRID: 36 generated fields
picture() {
  "$karhunen" sample --model "runs/$1/$2" --grid "$3" --count 36 --seed 1 \
    --out "$1/results/$2-$3.png" --force
}
