#!/usr/bin/env bash
# Six methods on real text with SmolLM2-135M, the same small budgets for all; resumable. Then:
#   harness compare results/published/smollm2 --out report
# DATA: a folder of LongLaMP's product_review as JSON Lines (docs/data.md). OUT: folder of the results.
set -euo pipefail
: "${DATA:?folder with train.jsonl, val.jsonl and test.jsonl of product_review below it}"
OUT=${OUT:-results/published/smollm2}
harness=${HARNESS:-.venv/bin/harness}

"$harness" run --method all --preset smollm2 --task product_review --data "$DATA" --out "$OUT" \
  --train-limit 64 --limit 24 --set eval.lift=likelihood --set eval.donors=1
