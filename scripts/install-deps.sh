#!/usr/bin/env bash
# Installs what smbreplay's scripts need on Debian or Ubuntu, and nothing that is already there.
#
#   install-deps.sh --build      what `cargo build` needs beside Rust itself
#   install-deps.sh --demo       that, and the tools and servers of scripts/demo.sh
#   install-deps.sh --test       that, and what the tests need (with the Python environment)
#   install-deps.sh --test-packages   the same without the Python environment, which belongs to whoever runs the tests
#   install-deps.sh --fixtures   what scripts/make-fixtures.sh needs (with the Python environment)
#   install-deps.sh --venv       prints the folder of the Python environment
#
# Exit status: 0 all there · 2 usage · 5 something is missing and cannot be installed from here.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# One for each list of requirements, so that clones of different versions do not take theirs from each other.
requirements=$(sha256sum "$here/requirements.txt")
venv=${SMBREPLAY_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/smbreplay/venv-${requirements:0:12}}
export PATH="$PATH:/usr/sbin:/sbin"

usage() { sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

# A package is wanted when the program or file that we need of it is not there, so that a tool installed by other
# means counts too.
missing=()
need() { # need PACKAGE PROGRAM|/FILE…
    local package=$1 thing
    shift
    for thing in "$@"; do
        case $thing in
            /*) compgen -G "$thing" >/dev/null || { missing+=("$package"); return 0; } ;;
            *) command -v "$thing" >/dev/null || { missing+=("$package"); return 0; } ;;
        esac
    done
}

need_build() {
    need gcc cc
    need libc6-dev '/usr/include/stdio.h'
    need make make
}

need_tools() {
    need tshark tshark
    need wireshark-common capinfos editcap mergecap
    need pcapfix pcapfix
    need samba smbd pdbedit
    need samba-vfs-modules '/usr/lib/*/samba/vfs/streams_xattr.so'
    need smbclient smbclient rpcclient
    if [[ $(id -u) == 0 ]]; then need passwd useradd; fi
    need procps ps
}

need_test() {
    need shellcheck shellcheck
    need tcpdump tcpdump
    need samba-testsuite smbtorture
    need krb5-kdc krb5kdc kdb5_util
    need krb5-admin-server kadmin.local
    need attr setfattr getfattr
    need iproute2 ip
    need ethtool ethtool
    # The pages of `smbreplay report` are looked at in it.
    command -v chromium-browser google-chrome google-chrome-stable >/dev/null || need chromium chromium
    need zstd zstd
    need gzip gzip
    need python3 python3
    # Another Python may come first in PATH (pyenv, conda): any of them will do when it can make environments.
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
}

apt_install() {
    local log packages=("$@")
    if ! command -v apt-get >/dev/null || [[ $(id -u) != 0 ]]; then
        echo "install-deps: missing: ${packages[*]}" >&2
        echo "install-deps: on Debian or Ubuntu: sudo apt-get install ${packages[*]}" >&2
        exit 5
    fi
    log=$(mktemp)
    echo "install-deps: installing ${packages[*]}" >&2
    # Installing samba would start a file server on every interface; we want its programs only. Debian's hook for
    # "do not start services now" is policy-rc.d; one that is there already is the administrator's.
    local policy=/usr/sbin/policy-rc.d made_policy=
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made_policy=1
    fi
    export DEBIAN_FRONTEND=noninteractive
    local status=0
    {
        apt-get -q -o Acquire::Retries=3 update &&
            apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 install --no-install-recommends "${packages[@]}"
    } >"$log" 2>&1 </dev/null || status=$?
    if [[ -n $made_policy ]]; then rm -f "$policy"; fi
    if [[ $status != 0 ]]; then
        cat "$log" >&2
        rm -f "$log"
        echo "install-deps: apt-get could not install ${packages[*]} (its log is above)" >&2
        exit 5
    fi
    rm -f "$log"
}

# A virtual environment cannot be moved once made, so it is built in place and stamped last: one without the stamp (an
# interrupted run) is made again.
make_venv() {
    local stamp=$venv/.requirements log
    if [[ -x $venv/bin/python ]] && cmp -s "$here/requirements.txt" "$stamp"; then
        return 0
    fi
    mkdir -p "$(dirname "$venv")"
    exec 9>"$(dirname "$venv")/.venv.lock"
    flock 9
    if [[ -x $venv/bin/python ]] && cmp -s "$here/requirements.txt" "$stamp"; then
        return 0
    fi
    echo "install-deps: making the Python environment $venv" >&2
    rm -rf "$venv"
    log=$(mktemp)
    if ! { python3 -m venv "$venv" &&
        "$venv/bin/python" -m pip install --disable-pip-version-check --retries 5 -r "$here/requirements.txt"; } >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        rm -rf "$log" "$venv"
        echo "install-deps: could not make the Python environment (pip's log is above)" >&2
        exit 5
    fi
    rm -f "$log"
    cp "$here/requirements.txt" "$stamp"
}

want_venv=
case ${1:---demo} in
    --build) need_build ;;
    --demo) need_build; need_tools ;;
    --test) need_build; need_tools; need_test; want_venv=1 ;;
    --test-packages) need_build; need_tools; need_test ;;
    --fixtures) need_tools; need_test; want_venv=1 ;;
    --venv) echo "$venv"; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

if [[ ${#missing[@]} -gt 0 ]]; then
    apt_install "${missing[@]}"
fi
if [[ -n $want_venv ]]; then make_venv; fi
