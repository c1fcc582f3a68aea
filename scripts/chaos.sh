#!/usr/bin/env bash
# Faults on a real Apache Kafka and PostgreSQL, every role a process of its own; then whether every promise was kept.
#
#   scripts/chaos.sh [--seconds N] [--seed N] [--brokers 1|3] [--release] [--keep] [--json]
#
# --seconds   how long faults last (60); setting up and settling come on top
# --seed      decides what is done when (1)
# --brokers   3 = replication 3, and the leader of a partition is killed
# --release   builds and runs the release program; the debug one otherwise
# --keep      leaves the folder of the run where it is; a run that failed leaves it in any case
# --json      one object on stdout; progress goes to stderr
#
# Exit status 0: every promise was kept. 1: one was broken, or the run could not be made. 2: bad usage. Brokers and
# database listen on loopback on ports of their own, lie outside the checkout and are gone afterwards. MILLRACE_STATE
# (TMPDIR/millrace-chaos-UID) and CHAOS_PORT may be set: 22092, the database listens 1000 below it, the roles 300 above.
# All of them lie below the ports that the system gives to outgoing connections: one of those would keep a port from who
# is started again on it.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "chaos.sh: $*" >&2; }
usage() { sed -n '2,/^set -euo/s/^# \{0,1\}//p' scripts/chaos.sh >&2; exit 2; }

seconds=60 seed=1 brokers=1 profile=debug keep= json=()
while [ $# -gt 0 ]; do
    case $1 in
        --json) json=(--json); shift; continue ;;
        --keep) keep=yes; shift; continue ;;
        --release) profile=release; shift; continue ;;
    esac
    [ $# -ge 2 ] || { say "$1 is unknown or wants a value"; usage; }
    case $1 in
        --seconds) seconds=$2 ;;
        --seed) seed=$2 ;;
        --brokers) brokers=$2 ;;
        *) say "unknown option $1"; usage ;;
    esac
    shift 2
done
[[ $seconds =~ ^[0-9]+$ && $seed =~ ^[0-9]+$ && $brokers =~ ^[13]$ ]] || { say "--seconds and --seed are numbers, --brokers is 1 or 3"; usage; }

port=${CHAOS_PORT:-22092}
export KAFKA_QUICK=yes
postgres_port=$((port - 1000))
export MILLRACE_STATE=${MILLRACE_STATE:-${TMPDIR:-/tmp}/millrace-chaos-$(id -u)}
run=$MILLRACE_STATE/run-$port
millrace=${CARGO_TARGET_DIR:-target}/$profile/millrace
child=''

# Roles end with the program; should it have been killed itself, they are found by the ids that it wrote down. A process
# that was given such an id since has another command line.
end_roles() {
    local pid
    for pid in $(cat "$run/logs/pids" 2>/dev/null); do
        if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$run/roles.toml"; then kill -9 "$pid" 2>/dev/null || true; fi
    done
}

clean_up() {
    local status=$?
    trap - EXIT INT TERM
    if [ -n "$child" ] && kill -0 "$child" 2>/dev/null; then
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    end_roles
    scripts/kafka.sh clean --port "$port" >/dev/null 2>&1 || true
    scripts/postgres.sh clean --port "$postgres_port" >/dev/null 2>&1 || true
    if [ "$status" -eq 0 ] && [ -z "$keep" ]; then rm -rf "$run"; elif [ -d "$run" ]; then say "logs and evidence: $run"; fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# With the points at which messages of the run do harm to the stage that takes them.
if [ "$profile" = release ]; then release=--release; else release=; fi
cargo build --quiet $release --features "failpoints ${MILLRACE_FEATURES:-}" >&2
end_roles
scripts/kafka.sh clean --port "$port" >&2
scripts/postgres.sh clean --port "$postgres_port" >&2
rm -rf "$run"
mkdir -p "$run"
kafka=$(scripts/kafka.sh start --brokers "$brokers" --port "$port" | tail -1)
database=$(scripts/postgres.sh start --port "$postgres_port" | tail -1)

# In the background, so that a signal reaches this script while it waits. What clients say of brokers that are down is no news.
"$millrace" --data "$run" --log error "${json[@]}" chaos --seconds "$seconds" --seed "$seed" \
    --kafka "$kafka" --kafka-script scripts/kafka.sh --database "$database" &
child=$!
status=0
wait "$child" || status=$?
exit "$status"
