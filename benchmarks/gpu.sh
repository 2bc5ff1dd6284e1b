#!/usr/bin/env bash
# Everything that a GPU can check, in one command: the tests marked gpu, then decoding and training
# at the shapes of Qwen2.5. Parts that are done are not repeated: benchmarks/gpu.sh [OUT] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-gpu} seconds=${2:-400} python=${PYTHON:-.venv/bin/python}
mkdir -p "$out"
"$python" -m pytest -m gpu -p no:cacheprovider --override-ini addopts=-q tests 2>&1 | tee "$out/tests.txt"
"$python" -m benchmarks.gpu --out "$out/gpu.json" --seconds "$seconds"
