#!/usr/bin/env bash
# More methods on the built-in benchmark, three seeds each; resumable. adapters: LoRA, one backbone
# for two models, a gate on thoughts. plugins: the methods of examples/. Every method gets its own
# learning rate: seed 0 tries the grid with trainings as long as the preset's, val decides, and the
# other seeds take that rate. OUT: folder of the runs. One thread a run, so that two parts can run
# side by side on two cores: benchmarks/methods.sh adapters & benchmarks/methods.sh plugins
set -euo pipefail
OUT=${OUT:-results/published/methods}
harness=${HARNESS:-.venv/bin/harness}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PYTHONPATH=${PYTHONPATH:-$PWD}:$PWD/examples
LORA=(--set model.adapter=lora)
WEIGHTS='train.lr_grid=[5e-4,1e-3]'      # of all weights
FEW='train.lr_grid=[1e-3,3e-3,1e-2]'     # of adapters and projections

run() { # grid, then the method and its settings
  local grid=$1
  shift
  "$harness" run --out "$OUT" --seeds 0,1,2 --set train.lr=auto --set "$grid" \
    --set train.lr_trial_seed=0 --set eval.lift=likelihood --method "$@" >/dev/null
}
plugin() { # grid, method, settings
  local grid=$1 method=$2
  shift 2
  run "$grid" "$method" --plugin "examples/harness_example_methods/${method//-/_}.py" "$@"
}

adapters() {
  run "$FEW" sft "${LORA[@]}"
  run "$FEW" flythinker "${LORA[@]}"
  run "$FEW" flythinker-shared
  run "$WEIGHTS" flythinker --set method.reasoner_gate=true
}

plugins() {
  plugin "$WEIGHTS" pause
  plugin "$WEIGHTS" nextquill
  plugin "$WEIGHTS" perce
  plugin "$WEIGHTS" contrastive # not trained
  plugin "$WEIGHTS" pag
  plugin "$FEW" softcot
  plugin "$FEW" oppu "${LORA[@]}" --set method.user_lr=0.01
  plugin "$FEW" cope-decoding "${LORA[@]}" --set method.user_lr=0.01
  plugin "$FEW" cope "${LORA[@]}" --set method.user_lr=0.01 --set method.dpo_lr=1e-3
}

for part in "${@:-adapters}"; do "$part"; done
if [ $# = 0 ]; then plugins; fi
