#!/usr/bin/env bash
# FlyThinker's λ and the size of its reasoner on the built-in benchmark, three seeds; resumable.
# Every value gets its own learning rate, chosen on val from the same grid.
# OUT: folder of the runs. REPORTS: folder of the two reports.
set -euo pipefail
OUT=${OUT:-results/published/ablations}
REPORTS=${REPORTS:-report}
harness=${HARNESS:-.venv/bin/harness}

rate=(--set train.lr=auto --set "train.lr_grid=[1e-3,2e-3]")
"$harness" ablate --method flythinker --over lam=0,0.2,0.5,1,2,5 "${rate[@]}" --results "$OUT" --out "$REPORTS/lam"
"$harness" ablate --method flythinker --over reasoner=mini-sixth,mini-half,mini "${rate[@]}" --results "$OUT" --out "$REPORTS/reasoner"
