#!/usr/bin/env bash
# Client libraries that others wrote against the Telegram fake: python-telegram-bot 22 and aiogram 3, by polling and by
# webhook, without a change to them.
#
#   scripts/sim-clients.sh [MILLRACE]   runs them; MILLRACE is the program, which is built when none is named
#   scripts/sim-clients.sh --prepare    only sees to the libraries; where they can't be had it says why and fails
#
# Needs Python 3.10 with venv, and its package registry the first time: the libraries go to a folder of their own under
# MILLRACE_STATE, which is kept for the next run. Ends within three minutes, with everything that it started.
set -euo pipefail
cd "$(dirname "$0")/.."

state=${MILLRACE_STATE:-${TMPDIR:-/tmp}/millrace-$(id -u)}/sim-clients
python=$state/bin/python
# What is asked of the registry; `there` looks for the same without a network.
libraries=("python-telegram-bot[webhooks]==22.*" "aiogram==3.*")

say() { echo "sim-clients.sh: $*" >&2; }
there() {
    [ -x "$python" ] && "$python" - 2>/dev/null <<'END'
import sys
from importlib.metadata import version
import aiogram, telegram.ext, tornado
sys.exit(not (version("python-telegram-bot").startswith("22.") and version("aiogram").startswith("3.")))
END
}

prepare() {
    there && return
    command -v python3 >/dev/null 2>&1 || { say "no python3"; return 1; }
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { say "python3 is older than 3.10"; return 1; }
    # Half of an environment, or one of a Python that is gone, is made anew.
    mkdir -p "$(dirname "$state")"
    python3 -m venv --clear "$state" >&2 || { say "python3 can't make an environment (python3-venv)"; return 1; }
    timeout 150 "$python" -m pip install --quiet --disable-pip-version-check --timeout 15 --retries 1 "${libraries[@]}" >&2 &&
        there || { say "the package registry doesn't give ${libraries[*]}"; return 1; }
}

prepare
[ "${1:-}" = --prepare ] && exit 0

millrace=${1:-}
if [ -z "$millrace" ]; then
    cargo build --quiet
    millrace=${CARGO_TARGET_DIR:-target}/debug/millrace
fi
out=$(mktemp)
sim=
finish() {
    if [ -n "$sim" ]; then
        kill "$sim" 2>/dev/null || true
        wait "$sim" 2>/dev/null || true
    fi
    rm -f "$out"
}
trap finish EXIT
"$millrace" sim telegram >"$out" &
sim=$!
for _ in $(seq 100); do
    grep -q '^control' "$out" && break
    kill -0 "$sim" 2>/dev/null || break
    sleep 0.1
done
api=$(sed -n 's/^fake telegram API at \(http[^ ]*\).*/\1/p' "$out")
control=$(sed -n 's/^control at \(http:[^ ]*\): .*/\1/p' "$out")
[ -n "$api" ] && [ -n "$control" ] || { say "$millrace sim telegram did not say where it listens"; exit 1; }
# A proxy of this machine has no part in calls to loopback.
NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 timeout 120 "$python" scripts/sim_clients.py "$api" "$control"
