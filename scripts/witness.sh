#!/usr/bin/env bash
# Compares the dataset of each capture with what tshark says of every PDU in it: bytes, frame, time and each column that has a
# field in Wireshark. Differences go to stdout, one a line; docs/witness.md explains what may differ and why.
#
#   witness.sh [--explained] [--port N]… [--nt-password-file FILE] [--session-key-file FILE] CAPTURE…
#   witness.sh --mutants [--count N] [--seed S]…        the same for captures damaged on purpose
#
# The program is $SMBREPLAY, or the one in the target folder. Exit status: 0 no unexplained difference · 1 some · 2 usage ·
# 5 a tool is missing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ $# == 0 || $1 == -h || $1 == --help ]]; then
    sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [[ $# != 0 ]] && exit 0
    exit 2
fi
venv=$("$here/install-deps.sh" --venv)
if [[ ! -x $venv/bin/python ]]; then
    "$here/install-deps.sh" --test >&2
fi
if [[ -z ${SMBREPLAY:-} ]]; then
    target=${CARGO_TARGET_DIR:-$here/../target}
    for SMBREPLAY in "$target"/release/smbreplay "$target"/debug/smbreplay; do
        if [[ -x $SMBREPLAY ]]; then break; fi
    done
fi
if [[ ! -x $SMBREPLAY ]]; then
    echo "witness: no smbreplay in $target: run cargo build, or set SMBREPLAY" >&2
    exit 5
fi
export SMBREPLAY PYTHONDONTWRITEBYTECODE=1
if [[ $1 == --mutants ]]; then
    shift
    exec "$venv/bin/python" "$here/mutate.py" "$@"
fi
PYTHONPATH=$here exec "$venv/bin/python" -m witness "$@"
