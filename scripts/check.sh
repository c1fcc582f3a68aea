#!/usr/bin/env bash
# The one gate: what has to hold before anything is merged. CI runs the same script.
#
#   scripts/check.sh             everything that needs neither a broker nor a database server
#   scripts/check.sh --no-tests  the same without the tests: for scripts/test.sh, which runs them itself
#
# cargo-deny and cargo-machete take part where they are installed, and it says so where they are not.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=yes
[ "${1:-}" = --no-tests ] && tests=

say() { printf '\n== %s\n' "$*"; }
left_out=()
optional() { # optional TOOL ARGS...: runs `cargo TOOL ARGS` when it is installed
    if command -v "cargo-$1" >/dev/null 2>&1; then
        say "cargo $*"
        cargo "$@"
    else
        left_out+=("cargo-$1")
    fi
}

say "format"
cargo fmt --check

say "lints"
cargo clippy --all-targets --all-features --quiet -- -D warnings

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --quiet

optional deny check
optional machete

say "build"
cargo build --quiet
millrace="${CARGO_TARGET_DIR:-target}/debug/millrace"

say "generated files"
"$millrace" generate --check

say "config, pipelines"
"$millrace" check config/local.toml config/docker.toml config/production.toml pipelines/

if [ -n "$tests" ]; then
    say "tests"
    cargo test --quiet
fi

printf '\nall checks passed'
[ ${#left_out[@]} -gt 0 ] && printf '; not installed and left out: %s' "${left_out[*]}"
printf '\n'
