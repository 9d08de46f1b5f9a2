#!/usr/bin/env bash
# A private Samba server for the demo, the tests and the fixtures: everything it owns is below one folder.
#
#   smbd.sh start     starts it, waits until it answers, prints one line (a no-op when it already runs)
#   smbd.sh stop      stops it and waits until it is gone
#   smbd.sh status    prints one line; exit status 0 running, 3 not running
#   smbd.sh wipe      stops it and removes its folder
#   smbd.sh env       prints shell exports: eval "$(scripts/smbd.sh env)"
#
# Environment, with defaults:
#   SMBD_BASE         ${TMPDIR:-/tmp}/smbreplay-smbd   conf, state, logs, shares
#   SMBD_PORT         1445
#   SMBD_USER         testuser           who may log in: a system user, made when missing
#   SMBD_PASSWORD     Passw0rd!
#   SMBD_EXTRA_USERS  (none)             more users, space separated, with the same password
#   SMBD_INTERFACES   lo                 what to listen on, as in smb.conf
#   SMBD_NETNS        (none)             network namespace to run in
#   SMBD_GLOBAL       (none)             further lines for [global], e.g. "server signing = mandatory"
#   SMBD_TESTSHARE    (none)             further lines for [testshare]
#
# Shares: testshare (streams, EAs, durable handles), roshare (read only), guestshare (guests too), encshare (sealed
# only). Instances with different bases and ports run side by side.
#
# Without root no system user is made: the server runs as the caller, all files are the caller's, and every user
# above logs in under the name given and is the caller there.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

base=${SMBD_BASE:-${TMPDIR:-/tmp}/smbreplay-smbd}
port=${SMBD_PORT:-1445}
user=${SMBD_USER:-testuser}
password=${SMBD_PASSWORD:-Passw0rd!}
extra_users=${SMBD_EXTRA_USERS:-}
interfaces=${SMBD_INTERFACES:-lo}
netns=${SMBD_NETNS:-}
is_root=
if [[ $(id -u) == 0 ]]; then is_root=1; fi

conf=$base/smb.conf
pid_file=$base/run/smbd.pid
marker=$base/.smbreplay-smbd # written by start; wipe and prepare-share.sh touch no folder without it
shares=$base/shares

die() { echo "smbd.sh: $*" >&2; exit 1; }

in_netns() {
    if [[ -n $netns ]]; then ip netns exec "$netns" "$@"; else "$@"; fi
}

# A process is ours when its command line names our conf: a pid file alone may be stale and its number reused.
is_ours() {
    local pid=$1
    [[ $pid =~ ^[0-9]+$ && -r /proc/$pid/cmdline ]] && grep -qxzF -- "--configfile=$conf" "/proc/$pid/cmdline" 2>/dev/null
}

running_pid() {
    local pid
    [[ -r $pid_file ]] || return 1
    pid=$(tr -d '[:space:]' <"$pid_file")
    is_ours "$pid" || return 1
    echo "$pid"
}

# All of our processes: smbd, its children, and the RPC helpers (which detach from it).
our_pids() {
    local dir comm
    for dir in /proc/[0-9]*; do
        { read -r comm <"$dir/comm"; } 2>/dev/null || continue
        case $comm in
            smbd* | samba-dcerpcd* | rpcd_*) if is_ours "${dir#/proc/}"; then echo "${dir#/proc/}"; fi ;;
        esac
    done
}

address() {
    if [[ $interfaces == lo ]]; then echo 127.0.0.1; return; fi
    in_netns ip -4 -o addr show dev "${interfaces%% *}" | awk '{ sub("/.*", "", $4); print $4; exit }'
}

answers() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_netns timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$(address)" "$port" 2>/dev/null
}

xattrs_work() {
    local probe
    probe=$(mktemp -p "$shares")
    local status=0
    setfattr -n user.smbreplay -v 1 "$probe" 2>/dev/null ||
        python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.smbreplay", b"1")' "$probe" 2>/dev/null || status=1
    rm -f "$probe"
    return "$status"
}

# Servers that start at once take turns, so that the users always get the next free ids in this order.
make_system_users() {
    local name
    exec 8>/run/smbreplay-smbd-users.lock
    flock 8
    for name in "$@"; do
        if getent passwd "$name" >/dev/null; then continue; fi
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$name" 2>"$base/log/useradd" ||
            { cat "$base/log/useradd" >&2; die "cannot make the system user $name"; }
    done
    exec 8>&-
}

# Not smbpasswd, which adds users for root alone.
add_to_samba() {
    printf '%s\n%s\n' "$password" "$password" | pdbedit --configfile="$conf" -a -t "$1" >"$base/log/pdbedit" 2>&1 ||
        { cat "$base/log/pdbedit" >&2; die "pdbedit could not add $1"; }
}

make_users() {
    local name
    if [[ $is_root ]]; then
        # shellcheck disable=SC2086 # a list
        make_system_users "$user" $extra_users
        for name in "$user" $extra_users; do add_to_samba "$name"; done
    else
        # Who comes with a ticket has the workgroup before the name.
        for name in "$user" $extra_users; do
            printf '%s = %s SMBREPLAY\\%s\n' "$(id -un)" "$name" "$name"
        done >"$base/private/users"
        add_to_samba "$(id -un)"
    fi
}

# Whether this Samba has a setting: testparm lists all of them with their values.
knows() {
    local settings
    settings=$(testparm -sv /dev/null 2>/dev/null)
    grep -q "^[[:space:]]*$1 = " <<<"$settings" # not in a pipe: testparm would fail when grep has seen enough
}

write_conf() {
    local objects=streams_xattr who=
    if [[ -z $is_root ]]; then who="username map = $base/private/users"; fi
    # Alternate streams, EAs and DOS attributes live in xattrs; on a file system without them, in a database of ours.
    if ! xattrs_work; then objects="streams_xattr xattr_tdb"; fi
    local directory_leases=
    # Since 4.22, and on by default there; an older Samba has none and warns of the setting.
    if knows "smb3 directory leases"; then directory_leases="    smb3 directory leases = no"; fi
    cat >"$conf" <<CONF
[global]
    server role = standalone server
    workgroup = SMBREPLAY
    netbios name = LABSERVER
    server string = smbreplay lab server
    disable netbios = yes
    smb ports = $port
    interfaces = $interfaces
    bind interfaces only = yes

    private dir = $base/private
    state directory = $base/state
    cache directory = $base/cache
    lock directory = $base/lock
    pid directory = $base/run
    ncalrpc dir = $base/ncalrpc
    usershare path = $base/usershares
    usershare max shares = 0
    passdb backend = tdbsam:$base/private/passdb.tdb
    log file = $base/log/%m.log
    logging = file
    log level = 1
    max log size = 10000
    panic action = /bin/true

    server min protocol = SMB2_02
    server max protocol = SMB3_11
    server multi channel support = yes
    smb2 leases = yes
$directory_leases
    map to guest = Bad User
    guest account = nobody
    load printers = no
    printing = bsd
    printcap name = /dev/null
    disable spoolss = yes
    dns proxy = no

    # Durable handles are only given out when nothing but Samba can hold locks on the files.
    kernel oplocks = no
    kernel share modes = no
    posix locking = no
    durable handles = yes

    # Changes come from Samba alone: with inotify beside it, watches on a loaded machine were told of nothing in 6 of 120
    # replays of fixtures/async, without it in none of 120.
    kernel change notify = no

    # What the fixtures show of attributes and names. Dot files are not hidden: Samba 4.17 does so in every answer, 4.22 in all
    # but the one that makes the file.
    store dos attributes = yes
    map archive = yes
    map hidden = no
    map system = no
    map readonly = no
    hide dot files = no

    vfs objects = $objects
    ea support = yes
    xattr_tdb:file = $base/state/xattr.tdb
    $who
    ${SMBD_GLOBAL:-}

[testshare]
    path = $shares/testshare
    read only = no
    ${SMBD_TESTSHARE:-}

[roshare]
    path = $shares/roshare
    read only = yes

[guestshare]
    path = $shares/guestshare
    read only = no
    guest ok = yes

[encshare]
    path = $shares/encshare
    read only = no
    server smb encrypt = required
CONF
}

start() {
    local pid tries=0
    if pid=$(running_pid); then
        echo "smbd.sh: already running on $(address):$port, base $base, pid $pid"
        return 0
    fi
    [[ $is_root || -z $netns ]] || die "SMBD_NETNS needs root"
    command -v smbd >/dev/null || { echo "smbd.sh: smbd is missing: scripts/install-deps.sh --demo" >&2; exit 5; }
    # Samba puts sockets below its folders, and a socket's path has room for about 107 bytes.
    [[ ${#base} -le 70 && $base == /* ]] || die "SMBD_BASE must be an absolute path of at most 70 characters: $base"
    if [[ -e $base && ! -e $marker && -n $(ls -A "$base") ]]; then
        die "$base exists and is not a folder of smbd.sh; remove it or set SMBD_BASE"
    fi
    umask 022
    mkdir -p "$base"/{private,state,cache,lock,run,ncalrpc,usershares,log} "$shares"/{testshare,roshare,guestshare,encshare}
    : >"$marker"
    # Tests in parallel may start the same server: the first one does, the others find it running.
    exec 9>"$base/.start.lock"
    flock 9
    if pid=$(running_pid); then
        echo "smbd.sh: already running on $(address):$port, base $base, pid $pid"
        return 0
    fi
    if answers; then die "port $port is taken by another program; set SMBD_PORT"; fi
    chmod 700 "$base/private"
    rm -f "$pid_file" "$base/lock/names.tdb"
    write_conf
    make_users
    (umask 077 && printf '%s\n' "$password" >"$base/private/password")
    if [[ $is_root ]]; then
        chown "$user" "$shares"/{testshare,roshare,encshare}
        chown nobody "$shares/guestshare"
    fi
    chmod 0777 "$shares/guestshare"
    chmod 0777 "$shares/testshare" # several users write there in the fixtures

    in_netns smbd --daemon --configfile="$conf" >"$base/log/start" 2>&1 </dev/null 9>&- ||
        { cat "$base/log/start" >&2; die "smbd did not start"; }
    until answers && pid=$(running_pid); do
        tries=$((tries + 1))
        if [[ $tries -gt 1200 ]]; then
            tail -n 20 "$base"/log/*smbd* "$base/log/start" >&2 || true
            stop >/dev/null || true
            die "smbd does not answer on port $port after a minute (its log is above)"
        fi
        sleep 0.05
    done
    # Changes are told to watchers by a daemon of Samba's that registers itself some time after the port answers.
    tries=0
    until grep -aqs notify-daemon "$base/lock/names.tdb" || [[ $tries -gt 100 ]]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    echo "smbd.sh: running on $(address):$port, base $base, pid $pid"
}

stop() {
    local tries=0 left
    mapfile -t left < <(our_pids)
    if [[ ${#left[@]} -gt 0 ]]; then kill -TERM "${left[@]}" 2>/dev/null || true; fi
    while [[ ${#left[@]} -gt 0 ]]; do
        tries=$((tries + 1))
        if [[ $tries == 60 ]]; then kill -KILL "${left[@]}" 2>/dev/null || true; fi
        [[ $tries -le 100 ]] || die "these processes do not end: ${left[*]}"
        sleep 0.05
        mapfile -t left < <(our_pids)
    done
    rm -f "$pid_file"
    echo "smbd.sh: stopped (base $base)"
}

status() {
    local pid
    if pid=$(running_pid); then
        echo "smbd.sh: running on $(address):$port, base $base, pid $pid"
    else
        echo "smbd.sh: not running (base $base)"
        return 3
    fi
}

wipe() {
    [[ -e $base ]] || return 0
    [[ -e $marker ]] || die "$base is not a folder of smbd.sh; it stays"
    stop
    rm -rf -- "$base"
}

print_env() {
    printf 'export %s=%q\n' SMBD_BASE "$base" SMBD_PORT "$port" SMBD_USER "$user" SMBD_CONF "$conf" \
        SMBD_PASSWORD_FILE "$base/private/password" SMBD_SHARES "$shares" SMBD_TESTSHARE_DIR "$shares/testshare" \
        SMBD_ROSHARE_DIR "$shares/roshare" SMBD_GUESTSHARE_DIR "$shares/guestshare" SMBD_ENCSHARE_DIR "$shares/encshare"
}

case ${1:-} in
    start | stop | status | wipe) "$1" ;;
    env) print_env ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
