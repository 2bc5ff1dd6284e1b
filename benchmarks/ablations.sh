#!/usr/bin/env bash
# FlyThinker's λ and the size of its reasoner on the built-in benchmark, three seeds; resumable.
# Every value, and sft, gets its own learning rate: seed 0 tries the grid with trainings as long as
# the preset's, val decides, and the other seeds take that rate.
# OUT: folder of the runs. REPORTS: folder of the two reports. One thread a run, so that two
# parts can run side by side on two cores: benchmarks/ablations.sh lam & benchmarks/ablations.sh reasoner
set -euo pipefail
OUT=${OUT:-results/published/ablations}
REPORTS=${REPORTS:-report}
harness=${HARNESS:-.venv/bin/harness}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

ablate() { # name, values
  "$harness" ablate --method flythinker --over "$2" --seeds 0,1,2 \
    --set train.lr=auto --set "train.lr_grid=[5e-4,1e-3]" --set train.lr_trial_seed=0 \
    --set train.keep_weights=false --results "$OUT" --out "$REPORTS/$1"
}

lam() { ablate lam lam=0,0.2,0.5,1,2,5; }
reasoner() { ablate reasoner reasoner=mini-sixth,mini-half,mini; }

for part in "${@:-lam}"; do "$part"; done
if [ $# = 0 ]; then reasoner; fi
