#!/usr/bin/env bash
# make-fixtures.sh [CASE…]: captures each case of scripts/fixtures (or the named ones) anew, into fixtures/CASE/:
#   capture.pcapng   real clients against a private smbd, taken with tcpdump
#   README.md        what is in it and how it was made
#   share.sha256     the files of testshare after the client was done (sha256sum format, paths below the share)
# Needs root, for smbd on port 445 (on another port when 445 is taken) and tcpdump.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:/usr/sbin:/sbin"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
FIXTURES_LIB=$root/scripts/fixtures
die() { echo "make-fixtures: $*" >&2; exit 1; }

"$root/scripts/install-deps.sh" --fixtures
VENV=$("$root/scripts/install-deps.sh" --venv)
export FIXTURES_LIB VENV
[[ $(id -u) == 0 ]] || die "needs root"

work=$(mktemp -d "${TMPDIR:-/tmp}/smbreplay-fx.XXXXXX")
chmod 755 "$work"
tcpdump_pid=
net=smbreplay-fx$$ # names of the namespaces, for the cases that need them

clean_up() {
    local status=$? name
    if [[ -n $tcpdump_pid ]]; then kill -INT "$tcpdump_pid" 2>/dev/null || true; fi
    if [[ -e $work/smbd/.smbreplay-smbd ]]; then SMBD_BASE=$work/smbd "$root/scripts/smbd.sh" wipe >/dev/null || true; fi
    for name in "$net-s" "$net-c"; do
        if [[ -e /run/netns/$name ]]; then ip netns del "$name" || true; fi
    done
    if [[ $status == 0 ]]; then rm -rf -- "$work"; else echo "make-fixtures: logs are in $work" >&2; fi
}
trap clean_up EXIT

# Wireshark knows SMB on port 445 without being told.
free_port() {
    local port
    for port in 445 14450 14451 14452; do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return 0; fi
    done
    die "no free port"
}

# Two namespaces joined by a cable without segmentation offload, so that packets are as on Ethernet: 1,500 bytes.
make_network() {
    local side other
    for side in s c; do
        ip netns add "$net-$side"
        ip -n "$net-$side" link set lo up
    done
    ip link add veth0 netns "$net-s" type veth peer name veth0 netns "$net-c"
    ip -n "$net-s" addr add 192.0.2.1/24 dev veth0
    ip -n "$net-c" addr add 192.0.2.2/24 dev veth0
    for side in s c; do
        other=$net-$side
        ip netns exec "$other" ethtool -K veth0 gso off tso off gro off tx off >/dev/null
        ip -n "$other" link set veth0 up
    done
}

start_tcpdump() {
    local tries=0
    : >"$work/tcpdump.log"
    # -Z root: Debian's tcpdump would give up root before it opens the file. --immediate-mode: else packets wait in the
    # kernel for up to a second, and those that wait when tcpdump is stopped are lost without being counted as dropped.
    "${on_server[@]}" tcpdump -i "$device" -n -s 0 -B 65536 -U --immediate-mode -Z root -w "$work/raw.pcap" "tcp port $SMBD_PORT" \
        2>"$work/tcpdump.log" &
    tcpdump_pid=$!
    until grep -q 'listening on' "$work/tcpdump.log"; do
        tries=$((tries + 1))
        [[ $tries -lt 100 ]] || { cat "$work/tcpdump.log" >&2; die "tcpdump does not start"; }
        sleep 0.05
    done
}

# The last packets reach the file a moment after the client is done.
stop_tcpdump() {
    local size=-1 now
    now=$(stat -c %s "$work/raw.pcap")
    until [[ $now == "$size" ]]; do
        sleep 0.4
        size=$now
        now=$(stat -c %s "$work/raw.pcap")
    done
    kill -INT "$tcpdump_pid"
    wait "$tcpdump_pid" || true
    tcpdump_pid=
    local captured dropped
    captured=$(sed -n 's/ packets captured$//p' "$work/tcpdump.log")
    dropped=$(sed -n 's/ packets dropped by kernel$//p' "$work/tcpdump.log")
    if [[ $dropped != 0 || $captured -lt 10 ]]; then
        cat "$work/tcpdump.log" >&2
        die "tcpdump lost packets"
    fi
}

write_readme() { # write_readme CASE
    local case=$1
    echo "# $case"
    echo
    describe
    echo
    echo "## The share before"
    echo
    if declare -F share_state >/dev/null; then share_state; else echo "Empty."; fi
    echo "\`scripts/prepare-share.sh $case DIR\` makes it so."
    echo
    echo "## PDUs"
    echo
    python3 "$FIXTURES_LIB/summary.py" "$work/capture.pcapng" "${tshark_options[@]}"
    echo
    echo "## How it was made"
    echo
    echo "\`scripts/make-fixtures.sh $case\`, which runs \`scripts/fixtures/$case.sh\` against \`scripts/smbd.sh\` on port $SMBD_PORT"
    echo "(user $SMBD_USER, password ${SMBD_PASSWORD:-Passw0rd!}) with: smbd $(smbd --version | sed 's/^Version //'),"
    echo "smbclient $(smbclient --version | sed 's/^Version //'), smbprotocol $("$VENV/bin/python" -c 'import importlib.metadata as m; print(m.version("smbprotocol"))'),"
    echo "$(tcpdump --version 2>&1 | sed -n 1p); read with $(tshark --version 2>/dev/null | sed -n '1s/\.$//; 1s/ (Git.*//p')."
    if [[ $SMBD_PORT != 445 ]]; then
        echo
        echo "Port 445 was taken: Wireshark and tshark need \`-d tcp.port==$SMBD_PORT,nbss\`."
    fi
}

make_case() {
    local case=$1 out=$root/fixtures/$1 share
    # shellcheck source=scripts/fixtures/lib.sh
    source "$FIXTURES_LIB/lib.sh"
    # shellcheck source=scripts/fixtures/quickstart.sh
    source "$FIXTURES_LIB/$case.sh"

    on_server=() on_client=() device=lo
    export SMB_HOST=${host:-127.0.0.1} SMBD_BASE=$work/smbd SMBD_PORT SMBD_USER=${SMBD_USER:-testuser} SMBD_PASSWORD=${SMBD_PASSWORD:-Passw0rd!}
    export SMBD_EXTRA_USERS=${SMBD_EXTRA_USERS:-} SMBD_GLOBAL=${SMBD_GLOBAL:-} SMBD_TESTSHARE=${SMBD_TESTSHARE:-}
    SMBD_PORT=$(free_port)
    if [[ -n ${needs_netns:-} ]]; then
        make_network
        SMB_HOST=192.0.2.1 SMBD_PORT=445 device=veth0
        on_server=(ip netns exec "$net-s") on_client=(ip netns exec "$net-c")
        export SMBD_NETNS=$net-s SMBD_INTERFACES=veth0
    fi
    device=${capture_on:-$device}
    tshark_options=()
    if [[ $SMBD_PORT != 445 ]]; then tshark_options=(-d "tcp.port==$SMBD_PORT,nbss"); fi

    "$root/scripts/smbd.sh" start
    for share in testshare roshare guestshare encshare; do
        "$root/scripts/prepare-share.sh" "$case" "$SMBD_BASE/shares/$share"
    done

    # No name of the machine that this runs on gets into the capture.
    export CLIENT_CONF=$work/client.conf AUTH=$work/auth NETBIOS_COMPUTER_NAME=LABCLIENT SMB_CLIENT_DIR=$work/client
    printf '[global]\nnetbios name = LABCLIENT\nworkgroup = SMBREPLAY\nclient min protocol = SMB2_02\n' >"$CLIENT_CONF"
    printf 'lock directory = %s\ncache directory = %s\nstate directory = %s\nprivate dir = %s\n' "$work" "$work" "$work" "$work" >>"$CLIENT_CONF"
    (umask 077 && printf 'username = %s\npassword = %s\n' "$SMBD_USER" "$SMBD_PASSWORD" >"$AUTH")
    rm -rf -- "$SMB_CLIENT_DIR"
    mkdir "$SMB_CLIENT_DIR"

    start_tcpdump
    # The client runs in a shell of its own, so that it can be put in a namespace.
    mapfile -t functions < <(compgen -A function)
    export -f "${functions[@]}"
    if ! (cd "$SMB_CLIENT_DIR" && "${on_client[@]}" bash -euo pipefail -c client) >"$work/client.log" 2>&1; then
        tail -n 40 "$work/client.log" >&2
        die "$case: a step of the client failed (its log is above)"
    fi
    stop_tcpdump

    editcap -F pcapng "$work/raw.pcap" "$work/capture.pcapng"
    mkdir -p "$out"
    if declare -F after_capture >/dev/null; then after_capture "$out" || die "$case: the capture is not what it should be"; fi
    write_readme "$case" >"$work/README.md"
    (cd "$SMBD_BASE/shares/testshare" && find . -type f -print0 | sort -z | xargs -0r sha256sum -- | sed 's| \./| |') >"$work/share.sha256"
    mv "$work/capture.pcapng" "$work/README.md" "$work/share.sha256" "$out/"
    "$root/scripts/smbd.sh" wipe
    if [[ -n ${needs_netns:-} ]]; then ip netns del "$net-s"; ip netns del "$net-c"; fi
    echo "make-fixtures: $case: $(stat -c %s "$out/capture.pcapng") bytes, $(sed -n '/^## PDUs/{n;n;p}' "$out/README.md")"
}

cases=("$@")
if [[ ${#cases[@]} == 0 ]]; then
    mapfile -t cases < <(cd "$FIXTURES_LIB" && for file in *.sh; do [[ $file == lib.sh ]] || echo "${file%.sh}"; done)
fi
for case in "${cases[@]}"; do
    [[ $case =~ ^[a-z0-9-]+$ && $case != lib && -r $FIXTURES_LIB/$case.sh ]] || { echo "make-fixtures: no such case: $case" >&2; exit 2; }
done
if [[ ${#cases[@]} == 1 ]]; then
    make_case "${cases[0]}"
else
    # One process for each, since a case is sourced, and leaves its settings behind.
    for case in "${cases[@]}"; do "${BASH_SOURCE[0]}" "$case"; done
fi
