#!/usr/bin/env bash
# FlyThinker's λ and the size of its reasoner on the built-in benchmark, three seeds; resumable.
# OUT: folder of the runs. REPORTS: folder of the two reports.
set -euo pipefail
OUT=${OUT:-results/published/ablations}
REPORTS=${REPORTS:-report}
harness=${HARNESS:-.venv/bin/harness}

"$harness" ablate --method flythinker --over lam=0,0.2,0.5,1,2,5 --results "$OUT" --out "$REPORTS/lam"
"$harness" ablate --method flythinker --over reasoner=mini-half,mini --results "$OUT" --out "$REPORTS/reasoner"
