#!/usr/bin/env bash
# Fuzzes the parsers of what strangers send, one after the other, and says how many inputs each took.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]     60 s each, and all of them, unless told otherwise
#
# Needs cargo-fuzz and a nightly toolchain. What makes a target panic is written to fuzz/artifacts/TARGET; new inputs that
# reach new code are kept in fuzz/corpus/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//')
for target in "$@"; do
    printf '== %s\n' "$target"
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1
done
