#!/usr/bin/env bash
# prepare-share.sh CASE DIR: puts the share in DIR (a share of a server that smbd.sh made) in the state that it had
# before fixtures/CASE/capture.pcapng was captured. What is in DIR is removed first.
set -euo pipefail

[[ $# == 2 ]] || { sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }
case=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
script=$here/fixtures/$case.sh
[[ $case =~ ^[a-z0-9-]+$ && -r $script ]] || { echo "prepare-share.sh: no such case: $case" >&2; exit 2; }
dir=$(realpath -e -- "$2")

# This empties a folder: only ever one that smbd.sh made for a share.
case $dir in
    */shares/testshare | */shares/roshare | */shares/guestshare | */shares/encshare) ;;
    *) echo "prepare-share.sh: $dir is not a share of smbd.sh; nothing done" >&2; exit 2 ;;
esac
[[ -f $dir/../../.smbreplay-smbd ]] || { echo "prepare-share.sh: $dir is not below a base of smbd.sh; nothing done" >&2; exit 2; }

# Without root, a folder that its owner may not enter is in the way.
find "$dir" -xdev -mindepth 1 -type d ! -perm -u=rwx -exec chmod u+rwx {} \; 2>/dev/null || true
find "$dir" -xdev -mindepth 1 -delete
# shellcheck source=scripts/fixtures/lib.sh
source "$here/fixtures/lib.sh"
# shellcheck source=scripts/fixtures/quickstart.sh
source "$script"
umask 022
prepare "$dir"
if [[ $(id -u) == 0 ]]; then find "$dir" -mindepth 1 -exec chown -h "${SMBD_USER:-testuser}" {} +; fi
if declare -F rights >/dev/null; then rights "$dir"; fi
