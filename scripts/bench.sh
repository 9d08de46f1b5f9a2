#!/usr/bin/env bash
# Measures ingest beside tshark, in one run, on captures that it makes itself: wall time, CPU time, peak memory, ratios.
#
#   scripts/bench.sh [--size MB] [--only KIND]… [--full]
#
#   --size MB   size of each capture (default 57: about 200,000 small operations)
#   --only K    small-ops, large, mixed, many-sessions or non-smb
#   --full      also `tshark -T fields`, `-T ek` and `--extractor tshark`, which take minutes
#
# SMBREPLAY names the program (default: the release build, which is made if it is not there).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -z ${SMBREPLAY:-} ]]; then
    (cd "$root" && cargo build --release --locked --quiet)
    export SMBREPLAY=${CARGO_TARGET_DIR:-$root/target}/release/smbreplay
fi
exec python3 "$root/scripts/bench.py" "$@"
