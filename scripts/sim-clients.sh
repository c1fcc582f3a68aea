#!/usr/bin/env bash
# Client libraries that others wrote against the Telegram fake: python-telegram-bot 22 and aiogram 3, by polling and by
# webhook. Needs Python 3.10 and its package registry; says so and leaves it out where they can't be had (a failure with
# CI=true). The libraries go to a folder of their own, which is kept for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."

state=${MILLRACE_STATE:-${TMPDIR:-/tmp}/millrace-$(id -u)}/sim-clients
leave() {
    echo "left out: $1"
    [ "${CI:-}" = true ] && exit 1
    exit 0
}

command -v python3 >/dev/null 2>&1 || leave "no python3"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || leave "python3 is older than 3.10"
if [ ! -x "$state/bin/python" ]; then
    mkdir -p "$(dirname "$state")"
    python3 -m venv "$state" || leave "python3 can't make an environment (python3-venv)"
fi
"$state/bin/python" -m pip install --quiet "python-telegram-bot[webhooks]==22.*" "aiogram==3.*" ||
    leave "the packages can't be had"

cargo build --quiet
millrace="${CARGO_TARGET_DIR:-target}/debug/millrace"
out=$(mktemp)
"$millrace" sim telegram >"$out" &
sim=$!
trap 'kill "$sim" 2>/dev/null; rm -f "$out"' EXIT
for _ in $(seq 50); do
    grep -q '^control' "$out" && break
    sleep 0.1
done
api=$(sed -n 's/^fake telegram API at \(http[^ ]*\).*/\1/p' "$out")
control=$(sed -n 's/^control at \(http:[^ ]*\): .*/\1/p' "$out")
"$state/bin/python" scripts/sim_clients.py "$api" "$control"
