#!/usr/bin/env bash
# Fuzzes the parsers of what strangers send, one after the other, and says how many inputs each took.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]     60 s each, and all of them, unless told otherwise
#   SANITIZER=address scripts/fuzz.sh ...     with a sanitizer: every library is built once more, and inputs take longer
#
# Needs cargo-fuzz and a nightly toolchain. The first build takes long, since every library is built anew with the fuzzer's
# counters; the next ones build what changed. There is no unsafe code of ours, so no sanitizer is asked unless told. What makes a
# target panic is written to fuzz/artifacts/TARGET, the others still run, and the exit status is 1; new inputs that reach new code
# are kept in fuzz/corpus/TARGET. Neither is part of the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "fuzz.sh: SECONDS is a number, not $seconds" >&2; exit 2; }
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//')
for target in "$@"; do
    [ -e "fuzz/fuzz_targets/$target.rs" ] || { echo "fuzz.sh: no target $target; see fuzz/fuzz_targets" >&2; exit 2; }
done
cargo +nightly fuzz --version >/dev/null 2>&1 ||
    { echo "fuzz.sh: wants a nightly toolchain and cargo-fuzz: rustup toolchain install nightly; cargo install cargo-fuzz" >&2; exit 2; }

# One unit of code for each library would let one core wait for the other; runs are hardly faster for it.
build=(--sanitizer "${SANITIZER:-none}" --codegen-units 16)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
counts=() failed=() total=0
for target in "$@"; do
    printf '== %s\n' "$target"
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "${build[@]}" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 2>&1 | tee "$log" || failed+=("$target")
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    counts+=("$(printf '%-18s %12s' "$target" "${inputs:-0}")")
    total=$((total + ${inputs:-0}))
done
printf '\ninputs\n'
printf '%s\n' "${counts[@]}"
printf '%-18s %12s\n' together "$total"
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}; run one input again: cargo +nightly fuzz run ${build[*]} TARGET fuzz/artifacts/TARGET/FILE"
    exit 1
fi
