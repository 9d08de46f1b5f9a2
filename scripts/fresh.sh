#!/usr/bin/env bash
# Runs the README's two commands in a fresh clone on a bare Debian: nothing of this machine helps, not even its user ids.
#
#   fresh.sh [OPTION…]               scripts/demo.sh, then scripts/test.sh
#   fresh.sh [OPTION…] demo|test     one of them
#   fresh.sh [OPTION…] -- COMMAND…   another command in the clone
#
#   --suite NAME    Debian's release: bookworm (default), trixie
#   --user          as an ordinary user, with the packages installed beforehand
#   --umask MASK    with this umask, e.g. 077
#   --timezone TZ   with this time zone, e.g. XYZ-5:45
#   --cpus LIST     on these processors only, e.g. 0
#   --tmpfs         with TMPDIR on a tmpfs
#   --shift N       makes N groups and N/2 users first, so that the next free ids are others (default 7)
#   --cache DIR     keeps the bare system, cargo's downloads and what was built in DIR for the next run
#   --root DIR      builds the system in DIR (default: ${TMPDIR:-/tmp}/smbreplay-fresh-SUITE); removed at the end
#   --keep          leaves it there
#
# The system is made by debootstrap and gets git and this machine's Rust toolchain, read-only; everything else is installed by
# the scripts under test. It shares this machine's network. Mounts and processes end with the run. Needs root, on Debian or Ubuntu;
# debootstrap is installed when missing. The exit status is that of the first command that fails.
set -euo pipefail
umask 022

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suite=bookworm as_user='' mask='' timezone='' cpus='' on_tmpfs='' shift_by=7 cache='' root='' keep=''
commands=()

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }
die() { echo "fresh.sh: $*" >&2; exit 1; }

while [[ $# -gt 0 ]]; do
    case $1 in
        --suite) suite=${2:?}; shift ;;
        --user) as_user=1 ;;
        --umask) mask=${2:?}; shift ;;
        --timezone) timezone=${2:?}; shift ;;
        --cpus) cpus=${2:?}; shift ;;
        --tmpfs) on_tmpfs=1 ;;
        --shift) shift_by=${2:?}; shift ;;
        --cache) cache=$(realpath -m -- "${2:?}"); shift ;;
        --root) root=$(realpath -m -- "${2:?}"); shift ;;
        --keep) keep=1 ;;
        -h | --help) usage; exit 0 ;;
        demo | test) commands+=("scripts/$1.sh") ;;
        --) shift; commands+=("$(printf '%q ' "$@")"); break ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
if [[ ${#commands[@]} == 0 ]]; then commands=(scripts/demo.sh scripts/test.sh); fi
[[ $shift_by =~ ^[0-9]+$ ]] || die "--shift takes a number"
[[ -z $mask || $mask =~ ^0?[0-7]{3}$ ]] || die "--umask takes three octal digits"
[[ $(id -u) == 0 ]] || die "needs root: it makes a system and mounts /proc, /sys and /dev in it"
root=${root:-${TMPDIR:-/tmp}/smbreplay-fresh-$suite}
marker=$root.smbreplay-fresh # beside the system, and locked while it is in use; only a system with it is removed

mounted_below() { findmnt --raw --noheadings --output TARGET | awk -v below="$1/" 'index($0, below) == 1 { found = 1 } END { exit !found }'; }

remove_root() {
    if mounted_below "$root"; then die "something is mounted below $root; it stays"; fi
    rm -rf --one-file-system -- "$root"
}

make_bare() { # make_bare DIR
    if ! command -v debootstrap >/dev/null; then
        apt-get -q update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -q -y install debootstrap >/dev/null
    fi
    local mirror
    mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
    debootstrap --variant=minbase --include=ca-certificates,git "$suite" "$1" "${mirror:-http://deb.debian.org/debian}" >"$1.log" 2>&1 ||
        { tail -n 20 "$1.log" >&2; die "debootstrap failed (its log: $1.log)"; }
    rm -f "$1.log"
}

# What this machine knows of package registries: certificates, apt's and pip's settings, cargo's.
copy_registry_settings() {
    local file
    if [[ -r /etc/ssl/certs/ca-certificates.crt ]]; then cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"; fi
    for file in /etc/apt/apt.conf.d/*; do
        if grep -qs '^Acquire::' "$file"; then cp "$file" "$root/etc/apt/apt.conf.d/"; fi
    done
    for file in /etc/pip.conf "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$HOME/.pip/pip.conf"; do
        if [[ -r $file ]]; then cp "$file" "$root/etc/pip.conf"; fi
    done
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    for file in config.toml config; do
        if [[ -r ${CARGO_HOME:-$HOME/.cargo}/$file ]]; then cp "${CARGO_HOME:-$HOME/.cargo}/$file" "$root/etc/cargo-config.toml"; fi
    done
}

mkdir -p "$(dirname "$root")"
[[ ! -e $root || -e $marker ]] || die "$root was not made by fresh.sh; remove it or give another --root"
exec 9>>"$marker"
flock --nonblock 9 || die "another run uses $root; give another --root"
remove_root
trap 'if [[ -z $keep ]]; then remove_root; rm -f -- "$marker"; else echo "fresh.sh: $root stays"; fi' EXIT
if [[ -n $cache ]]; then
    mkdir -p "$cache"
    exec 8>>"$cache/lock"
    flock 8
    if [[ ! -e $cache/$suite.complete ]]; then
        rm -rf --one-file-system -- "${cache:?}/$suite"
        make_bare "$cache/$suite"
        : >"$cache/$suite.complete"
    fi
    exec 8>&-
    cp -a "$cache/$suite" "$root"
else
    make_bare "$root"
fi
copy_registry_settings

user=root home=/root
for ((i = 1; i <= shift_by; i++)); do
    chroot "$root" groupadd --system "shifted$i"
    if ((i % 2 == 0)); then chroot "$root" useradd --system --no-user-group --gid nogroup "shifted$i"; fi
done
if [[ -n $as_user ]]; then
    user=somebody home=/home/somebody
    chroot "$root" useradd --create-home --shell /bin/bash "$user"
fi
clone=$home/smbreplay
(
    umask "${mask:-022}"
    git -c advice.detachedHead=false clone --quiet --no-local "$repository" "$root$clone"
    git -C "$root$clone" checkout --quiet "$(git -C "$repository" rev-parse HEAD)"
)
mkdir -p "$root/opt/rust" "$root$home/.cargo" "$root$home/.cache/smbreplay"
if [[ -e $root/etc/cargo-config.toml ]]; then cp "$root/etc/cargo-config.toml" "$root$home/.cargo/config.toml"; fi
chroot "$root" chown -R "$user:" "$home"

# Read by the shell inside: everything about the run.
cat >"$root/run.sh" <<RUN
set -euo pipefail
export HOME=$home USER=$user LOGNAME=$user PATH=/opt/rust/bin:/usr/local/bin:/usr/bin:/bin
export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt CARGO_HTTP_CAINFO=/etc/ssl/certs/ca-certificates.crt
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt CI=true
$(for name in http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY; do
    if [[ -n ${!name:-} ]]; then printf 'export %s=%q\n' "$name" "${!name}"; fi
done)
${timezone:+export TZ=$(printf %q "$timezone")}
${on_tmpfs:+export TMPDIR=/mnt}
${mask:+umask $mask}
cd $clone
for command in $(printf '%q ' "${commands[@]}"); do
    echo "fresh.sh: \$command"
    $(if [[ -n $cpus ]]; then printf 'taskset --cpu-list %q ' "$cpus"; fi)bash -c "\$command" || exit
done
RUN

# shellcheck disable=SC2317 # unshare runs it
inside() {
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount --bind "$(rustc --print sysroot)" "$root/opt/rust"
    mount -o remount,bind,ro "$root/opt/rust"
    if [[ -n $on_tmpfs ]]; then mount -t tmpfs -o mode=1777 tmpfs "$root/mnt"; fi
    if [[ -n $cache ]]; then
        local kind
        for kind in registry git; do
            mkdir -p "$cache/cargo/$kind" "$root$home/.cargo/$kind"
            mount --bind "$cache/cargo/$kind" "$root$home/.cargo/$kind"
        done
        mkdir -p "$cache/built-$suite-$user"
        mount --bind "$cache/built-$suite-$user" "$root$home/.cache/smbreplay"
        # A Python environment is the bare system's own.
        rm -rf -- "$root$home/.cache/smbreplay/"venv-*
    fi
    if [[ -n $as_user ]]; then
        chroot "$root" /bin/bash -c "export PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root; cd $clone && scripts/install-deps.sh --test-packages"
        chroot "$root" chown "$user:" "$home" "$home/.cargo" "$home/.cargo/registry" "$home/.cache" "$home/.cache/smbreplay"
        if [[ -n $cache ]]; then chroot "$root" chown -R "$user:" "$home/.cargo" "$home/.cache/smbreplay"; fi
        exec chroot "$root" su "$user" -s /bin/bash -c 'exec bash /run.sh' </dev/null
    fi
    exec chroot "$root" /bin/bash /run.sh </dev/null
}

export -f inside
export root cache suite user home clone as_user on_tmpfs
status=0
# The namespaces end with their first process, and that one with this script, however it ends: nothing that the run started
# or mounted outlives it.
setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child bash -euo pipefail -c inside 9>&- &
run=$!
trap 'kill -KILL "$run"; wait "$run" || true; exit 130' INT TERM HUP
wait "$run" || status=$?
if [[ $status == 0 ]]; then echo "fresh.sh: passed on a bare $suite: ${commands[*]}"; else echo "fresh.sh: failed on a bare $suite with status $status" >&2; fi
exit "$status"
