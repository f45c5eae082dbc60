#!/usr/bin/env bash
# The whole of it: MODEL=Qwen/Qwen3-8B INPUT=cases.jsonl bash submit.sh
# ARRAY=1-100 has the input labelled in a hundred shares. To go on with an array, the shares must stay as many.
set -euo pipefail
: "${MODEL:?names the judge, such as Qwen/Qwen3-8B}" "${INPUT:?is the file of cases}"
export MODEL INPUT VLLM_API_KEY="${VLLM_API_KEY:-$(python3 -c 'import secrets; print(secrets.token_urlsafe(24))')}"

judges=$(sbatch --parsable judges.sbatch)
label=$(sbatch --parsable --dependency="after:$judges" ${ARRAY:+--array="$ARRAY"} label.sbatch)
JUDGES=$judges sbatch --parsable --dependency="afterok:$label" merge.sbatch
