#!/usr/bin/env bash
# Every check and every test, as CI runs them: scripts, formatting, lints, dependencies, tests, documentation, demo.
# Installs what is missing (as root on Debian or Ubuntu). Stops at the first step that fails; the exit status is that step's.
#
#   CI=true              builds outside of the clone, in ~/.cache/smbreplay, so that the next clone finds it there
#   CARGO_TARGET_DIR     builds there instead
#   TEST_LIMIT           seconds for one test (600); one that takes longer is ended and named, as a failed one
#
# Without root the tests that need it are skipped, counted and listed at the end.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"
# No test may wait for somebody to type.
exec </dev/null

cargo_deny_version=0.20.2

cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/smbreplay
if [[ ${CI:-} == true ]]; then
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
fi
if ! command -v cargo >/dev/null && [[ -x $HOME/.cargo/bin/cargo ]]; then
    PATH="$HOME/.cargo/bin:$PATH"
fi
if ! command -v cargo >/dev/null; then
    echo "test.sh: no cargo in PATH; install Rust first (Cargo.toml names the version needed)" >&2
    exit 5
fi

current='starting'
times=()
skipped=()
report() {
    local status=$?
    printf '\n'
    if [[ ${#times[@]} -gt 0 ]]; then printf '%s\n' "${times[@]}"; fi
    if [[ ${#skipped[@]} -gt 0 ]]; then
        printf '\n%s\n' "${#skipped[@]} tests SKIPPED:"
        printf '    %s\n' "${skipped[@]}"
    fi
    if [[ $status == 0 ]]; then echo "test.sh: all steps passed in ${SECONDS} s"; else echo "test.sh: failed: $current" >&2; fi
}
trap report EXIT

# step HEADLINE COMMAND…
step() {
    local begun=$SECONDS
    current=$1
    shift
    printf '\n=== %s\n' "$current"
    "$@"
    times+=("$(printf '%5d s  %s' $((SECONDS - begun)) "$current")")
}

check_scripts() {
    shellcheck --external-sources .ci/run scripts/*.sh scripts/fixtures/*.sh
}

# Unoptimised: it runs for seconds, and optimising it would take minutes.
install_cargo_deny() {
    cargo_deny=$cache/cargo-deny-$cargo_deny_version/bin/cargo-deny
    if [[ -x $cargo_deny ]]; then
        echo "cargo-deny $cargo_deny_version is there"
        return 0
    fi
    local build=$cache/cargo-deny-build
    CARGO_TARGET_DIR=$build CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 CARGO_PROFILE_RELEASE_DEBUG=0 \
        cargo install cargo-deny --locked --quiet --version "$cargo_deny_version" \
        --root "$cache/cargo-deny-$cargo_deny_version"
    rm -rf -- "$build"
}

check_dependencies() {
    "$cargo_deny" --locked --log-level error check --hide-inclusion-graph bans licenses sources
    # The database of advisories is a git repository that not every machine can reach.
    if timeout 120 "$cargo_deny" --locked --log-level off fetch db >/dev/null 2>&1; then
        "$cargo_deny" --locked check advisories
    else
        echo 'advisories SKIPPED: their database cannot be fetched from here. Where it can, run: cargo deny check advisories'
    fi
}

# A test that hangs is ended by name; those that were skipped are listed at the end. Root can run them all.
run_tests() {
    local target status=0 list
    target=$(rustc --version --verbose | sed -n 's/^host: //p' | tr a-z- A-Z_)
    list=$(mktemp)
    env "CARGO_TARGET_${target}_RUNNER=$PWD/scripts/limit-tests.py" "SMBREPLAY_SKIPPED=$list" \
        cargo test --locked --no-fail-fast || status=$?
    mapfile -t skipped < <(sort -u "$list")
    rm -f -- "$list"
    if [[ $(id -u) == 0 && ${#skipped[@]} -gt 0 ]]; then
        echo 'test.sh: tests were skipped although root runs them' >&2
        status=1
    fi
    return "$status"
}

check_documentation() {
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items
}

step 'What the tests need' scripts/install-deps.sh --test
step 'Shell scripts' check_scripts
step 'Formatting' cargo fmt --check
step 'Lints' cargo clippy --locked --all-targets -- -D warnings
step 'cargo-deny itself' install_cargo_deny
step 'Dependencies: bans, licences, sources, advisories' check_dependencies
step 'Documentation' check_documentation
step 'Tests' run_tests
step 'Queries in little memory' scripts/query-soak.py --short
step 'Demo' env SMBREPLAY_PROFILE=dev scripts/demo.sh
