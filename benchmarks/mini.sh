#!/usr/bin/env bash
# Every published number of the built-in benchmark: runs, controls, ablations. Resumable; about an
# hour on two cores. OUT: folder of the results.
set -euo pipefail
OUT=${OUT:-results/published/mini}
harness=${HARNESS:-.venv/bin/harness}
run() { "$harness" run --out "$OUT" "$@" >/dev/null; }
measured=(--set 'eval.lift=["likelihood","texts"]' --set eval.forced=true --set eval.controls=all)

run --method all "${measured[@]}"
for seed in 1 2; do
  for method in sft flythinker; do run --method "$method" --seed "$seed" "${measured[@]}"; done
done
run --method sft --backbone mini-large           # as many parameters as generator and reasoner
run --method sft --set method.flops_of=flythinker # as much arithmetic
for weights in frozen random; do run --method flythinker --set "method.reasoner_weights=$weights"; done
run --method flythinker --set method.reasoner_reads=position
