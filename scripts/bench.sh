#!/usr/bin/env bash
# Measures ingest on captures that it makes itself, beside tshark and zstd, in one run: wall time, CPU time, peak memory,
# ratios; then says which goals are met (PASS, FAIL). Exit status 1 when one is not.
#
#   scripts/bench.sh [--size MB] [--runs N] [--only KIND]… [--long] [--full]
#
#   --size MB   size of the captures that are read by tshark too (default 57: about 200,000 small operations)
#   --runs N    runs of each, of which the best counts (default 3)
#   --only K    small-ops, large, mixed, many-sessions, non-smb (1 GB), handles (5,000 sessions with 64 open files), long
#   --long      also captures of 1, 5 and 10 GB, which takes half an hour and 25 GB in TMPDIR; all of it is removed
#   --full      also `tshark -T fields`, `-T ek` and `--extractor tshark`, which take minutes
#
# SMBREPLAY names the program (default: the release build, which is made if it is not there).
set -euo pipefail
for argument in "$@"; do
    if [[ $argument == -h || $argument == --help ]]; then
        sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
    fi
done
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -z ${SMBREPLAY:-} ]]; then
    (cd "$root" && cargo build --release --locked --quiet --no-default-features)
    export SMBREPLAY=${CARGO_TARGET_DIR:-$root/target}/release/smbreplay
fi
exec python3 "$root/scripts/bench.py" "$@"
