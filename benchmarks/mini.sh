#!/usr/bin/env bash
# Every published run of the built-in benchmark; resumable. OUT: folder of the results. Then:
#   harness compare results/published/mini --out report
# One thread a run, so that two parts can run side by side on two cores:
#   benchmarks/mini.sh methods & benchmarks/mini.sh arms
set -euo pipefail
OUT=${OUT:-results/published/mini}
harness=${HARNESS:-.venv/bin/harness}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
LIFT=(--set 'eval.lift=["likelihood","texts"]')
run() { "$harness" run --out "$OUT" "$@" >/dev/null; }

methods() { # three seeds of each method, five of the two that README compares
  run --method all "${LIFT[@]}" --set eval.forced=true --set eval.controls=all
  run --method sft --seeds 1,2 "${LIFT[@]}"
  run --method flythinker --seeds 1,2 "${LIFT[@]}" --set 'eval.controls=["own","zero","other-profile"]'
  for method in sft flythinker; do run --method "$method" --seeds 3,4; done
  for method in nonpers rag coconut cot; do run --method "$method" --seeds 1,2; done
}

arms() {
  run --method sft --seeds 0,1,2 --set method.flops_of=flythinker # as much arithmetic as two models
  run --method sft --seeds 0,1,2 --backbone mini-large            # as many parameters
  for weights in frozen random; do
    run --method flythinker --seeds 0,1,2 --set "method.reasoner_weights=$weights"
  done
  run --method flythinker --seeds 0,1,2 --set method.reasoner_reads=position
  run --method cot-oracle --seeds 0,1,2 # CoT with true analyses: an upper bound
}

for part in "${@:-methods}"; do "$part"; done
if [ $# = 0 ]; then arms; fi
