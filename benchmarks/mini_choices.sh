#!/usr/bin/env bash
# Learning rate and passes of preset mini: the loss on val of every method that trains, for each
# passes × rate; resumable. OUT: folder of the runs. One example is written, nothing else evaluated.
set -euo pipefail
OUT=${OUT:-results/mini-choices}
harness=${HARNESS:-.venv/bin/harness}

for passes in 4 6 2; do
  for rate in 5e-4 1e-3 2e-3; do
    for method in sft cot coconut flythinker; do
      "$harness" run --method "$method" --out "$OUT" --limit 1 \
        --set "train.epochs=$passes" --set "train.lr=$rate" \
        --set eval.likelihood=false --set eval.authors=false --set eval.floors=false >/dev/null
    done
  done
done
"${PYTHON:-.venv/bin/python}" -m benchmarks.mini_choices "$OUT"
