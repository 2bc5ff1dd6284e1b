#!/usr/bin/env bash
# Every published run of the built-in benchmark; resumable. OUT: folder of the results. Then:
#   harness compare results/published/mini --out report
set -euo pipefail
OUT=${OUT:-results/published/mini}
harness=${HARNESS:-.venv/bin/harness}
run() { "$harness" run --out "$OUT" "$@" >/dev/null; }

run --method all --set 'eval.lift=["likelihood","texts"]' --set eval.forced=true --set eval.controls=all
for seed in 1 2; do
  for method in nonpers rag cot coconut; do run --method "$method" --seed "$seed"; done
done
for seed in 1 2 3 4; do
  for method in sft flythinker; do run --method "$method" --seed "$seed"; done
done
for seed in 0 1 2; do
  run --method cot-oracle --seed "$seed"                           # CoT with true analyses: an upper bound
  run --method sft --seed "$seed" --set method.flops_of=flythinker # as much arithmetic as two models
  run --method sft --seed "$seed" --backbone mini-large            # as many parameters
  for weights in frozen random; do
    run --method flythinker --seed "$seed" --set "method.reasoner_weights=$weights"
  done
  run --method flythinker --seed "$seed" --set method.reasoner_reads=position
done
