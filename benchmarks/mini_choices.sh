#!/usr/bin/env bash
# Learning rate and passes of preset mini: the loss on val of every method that trains, for three
# rates at the preset's passes, and for fewer and more passes at the preset's rate; resumable.
# The preset's own rate and passes are the published runs'. One example is written, nothing else
# is evaluated. OUT: folder of the runs.
set -euo pipefail
OUT=${OUT:-results/published/mini-choices}
harness=${HARNESS:-.venv/bin/harness}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

try() { # passes rate
  for method in sft flythinker coconut cot; do
    "$harness" run --method "$method" --out "$OUT" --limit 1 \
      --set "train.epochs=$1" --set "train.lr=$2" --set train.keep_weights=false \
      --set eval.likelihood=false --set eval.authors=false --set eval.floors=false >/dev/null
  done
}

try 6 1e-3
try 4 2e-3
try 4 5e-4
try 2 1e-3
"${PYTHON:-.venv/bin/python}" -m benchmarks.mini_choices
