#!/usr/bin/env bash
# Checks a pull request that submits rows: check.sh BASE, with BASE the commit it branched from.
# It may only add submission.json and predictions.jsonl of new rows, and each row must be verified.
# Run the copy of the base branch, never the one of the pull request.
set -euo pipefail
base=${1:?usage: leaderboards/check.sh BASE}
name='[a-z0-9][a-z0-9._-]*'
allowed="^leaderboards/[a-z_]+/(user|temporal)/[a-z0-9-]+/($name)/(submission\.json|predictions\.jsonl)$"
rows=()
while IFS=$'\t' read -r change path; do
  if [[ $change != A || ! $path =~ $allowed ]]; then
    echo "refused: $change $path; a submission only adds ROW/submission.json and ROW/predictions.jsonl" >&2
    exit 2
  fi
  rows+=("${path%/*}")
done < <(git diff --no-renames --name-status "$base...HEAD")
if [[ ${#rows[@]} -eq 0 ]]; then
  echo "no row added since $base" >&2
  exit 2
fi
mapfile -t rows < <(printf '%s\n' "${rows[@]}" | sort -u)
exec "${HARNESS:-.venv/bin/harness}" leaderboard verify --check "${rows[@]}"
