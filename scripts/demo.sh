#!/usr/bin/env bash
# The main job, end to end, on this machine alone: builds smbreplay, starts a private Samba server on loopback, ingests
# fixtures/quickstart/capture.pcapng, shows its session, replays it, and compares the files that the replay wrote with the
# ones that the original client wrote. Everything is below a temporary folder and goes when the demo ends.
# SMBREPLAY_PROFILE=dev runs it unoptimised, which saves a build where that is done already.
# Exit status: that of the first step that fails, else 0.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/install-deps.sh" --demo

work=$(mktemp -d "${TMPDIR:-/tmp}/smbreplay-demo.XXXXXX")
chmod 755 "$work" # the server's user has to reach the share in it
export SMBD_BASE=$work/smbd
clean_up() {
    if [[ -d $SMBD_BASE ]]; then "$root/scripts/smbd.sh" wipe; fi
    rm -rf -- "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# What is run is shown first, as a person would type it.
run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

free_port() {
    local port
    for port in {1445..1465}; do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return 0; fi
    done
    echo "demo.sh: no free port from 1445 to 1465" >&2
    return 1
}

cd "$root"
profile=${SMBREPLAY_PROFILE:-release}
# The demo asks nothing in SQL, and optimising DataFusion would take most of the time. Unoptimised it is there from the tests.
features=()
if [[ $profile == release ]]; then features=(--no-default-features); fi
run cargo build --profile "$profile" --locked "${features[@]}"
# Cargo's own profile `dev` is the one whose folder has another name.
PATH=${CARGO_TARGET_DIR:-$root/target}/${profile/#dev/debug}:$PATH

SMBD_PORT=$(free_port)
export SMBD_PORT
run scripts/smbd.sh start
eval "$(scripts/smbd.sh env)"
run scripts/prepare-share.sh quickstart "$SMBD_TESTSHARE_DIR"

# A capture is ingested beside itself unless --output says where: the clone stays as it is.
cp fixtures/quickstart/capture.pcapng "$work/capture.pcapng"
# Neither the settings nor the last trace of whoever runs this are to matter, or to change.
export XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
cd "$work"
run smbreplay ingest capture.pcapng
run smbreplay session --list --trace capture.pcapng
run smbreplay session 1 --brief --trace capture.pcapng

SMBREPLAY_PASSWORD=$(<"$SMBD_PASSWORD_FILE")
export SMBREPLAY_PASSWORD
run smbreplay replay 1 --trace capture.pcapng --server-ip 127.0.0.1 --port "$SMBD_PORT" --username "$SMBD_USER" \
    --tree-name testshare --yes

printf '\nWhat the replay wrote, and whether it is what the original client wrote:\n'
cd "$SMBD_TESTSHARE_DIR"
run ls -lR .
run sha256sum --check --strict "$root/fixtures/quickstart/share.sha256"
