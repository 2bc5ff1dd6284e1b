#!/usr/bin/env bash
# A study on real text: all 293 training and 80 test reviews (62 users), SmolLM2-135M in bf16,
# three seeds a method. Resumable; each part can be stopped at any time and started again.
#   DATA=FOLDER benchmarks/reviews.sh choices     loss on val by passes and rate, seed 0 (METHODS: whose)
#   DATA=FOLDER benchmarks/reviews.sh primary     floors, rag, sft, flythinker
#   DATA=FOLDER benchmarks/reviews.sh arms        sft of equal FLOPs, zero gate, coconut, cot
# The questions stand in benchmarks/reviews.toml. DATA: a folder of LongLaMP's product_review as JSON
# Lines (docs/data.md). OUT: folder of the results. CHOSEN_SFT, …: passes and rate from the choices.
set -euo pipefail
: "${DATA:?folder with train.jsonl, val.jsonl and test.jsonl of product_review below it}"
OUT=${OUT:-results/published/reviews}
CHOICES=${CHOICES:-results/published/reviews-choices}
harness=${HARNESS:-.venv/bin/harness}

common=(--preset smollm2 --task product_review --data "$DATA" --set model.dtype=bfloat16
  --set budget.target=448 --set decode.max_new_tokens=448 --set data.val_limit=none)

try() { # method passes rate
  "$harness" run --method "$1" "${common[@]}" --out "$CHOICES" --limit 1 \
    --set "train.epochs=$2" --set "train.lr=$3" --set train.keep_weights=false \
    --set eval.likelihood=false --set eval.authors=false --set eval.floors=false >/dev/null
}

choices() {
  for cell in "2 1e-4" "2 3e-4" "4 1e-4" "2 3e-5"; do
    for method in ${METHODS:-sft flythinker}; do try "$method" $cell; done
  done
}

full() { # method seed, further settings
  local method=$1 seed=$2 chosen="CHOSEN_${1^^}" passes rate
  shift 2
  read -r passes rate <<<"${!chosen:?passes and rate, from the choices: CHOSEN_SFT=\"2 1e-4\"}"
  "$harness" run --method "$method" --seed "$seed" "${common[@]}" --out "$OUT" \
    --set "train.epochs=$passes" --set "train.lr=$rate" --set eval.lift=likelihood "$@" >/dev/null
}

primary() {
  for seed in 0 1 2; do
    CHOSEN_RAG="2 1e-4" full rag "$seed" # not trained
    full sft "$seed"
    full flythinker "$seed" --set eval.controls=all
  done
}

arms() {
  for seed in 0 1 2; do
    full sft "$seed" --set method.flops_of=flythinker
    full coconut "$seed"
    full cot "$seed"
  done
}

for part in "${@:?choices, primary or arms}"; do "$part"; done
