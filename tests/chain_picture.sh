#!/bin/bash
# SPDX-License-Identifier: MIT
# chain_picture.sh PROGRAMS
#
# scripts/demo.sh --chain with certificates, and that docs/chain.svg is what such a run draws, but for
# its numbers, keys and digests.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TALC_DEMO_PROGRAMS=$1 "$top/scripts/demo.sh" --chain --picture "$work/chain.svg"
python3 "$top/scripts/chain_picture.py" --same-shape "$top/docs/chain.svg" "$work/chain.svg"
