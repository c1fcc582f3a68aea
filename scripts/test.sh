#!/usr/bin/env bash
# Every suite, on real parts: the one command that says whether Millrace works.
#
#   scripts/test.sh            provisions Apache Kafka and PostgreSQL, then runs everything
#   scripts/test.sh --quick    only what needs neither
#
# Where Java, Maven, PostgreSQL, Chromium or Python can't be had it says which suites it leaves out; with CI=true that is a
# failure.
# Everything it starts listens on loopback, keeps its data outside the checkout, and is stopped at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=
[ "${1:-}" = --quick ] && quick=yes
kafka_port=29092
postgres_port=25432
features=(failpoints)
left_out=()
export MILLRACE_STATE=${MILLRACE_STATE:-/var/tmp/millrace-test-$(id -u)}

say() { printf '\n== %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
browser() { have chromium || have chromium-browser || have google-chrome; }
python() { have python3 && python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Root on a Debian machine may install what is missing; anyone else is told.
packages() {
    local missing=()
    have cc || missing+=(build-essential)
    have pkg-config || missing+=(pkg-config)
    [ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)
    browser || missing+=(chromium)
    python || missing+=(python3-venv)
    if [ -z "$quick" ]; then
        have java || missing+=(openjdk-17-jre-headless)
        have mvn || missing+=(maven)
    fi
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -eq 0 ] && have apt-get; then
        say "installing ${missing[*]}"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null || true
    else
        echo "missing: ${missing[*]}; install them for every suite"
    fi
}

stop_all() {
    [ -n "${kafka:-}" ] && scripts/kafka.sh clean --port $kafka_port || true
    [ -n "${postgres:-}" ] && scripts/postgres.sh clean --port $postgres_port || true
}
trap stop_all EXIT

packages
if [ -z "$quick" ]; then
    say "Apache Kafka"
    scripts/kafka.sh clean --port $kafka_port >/dev/null 2>&1 || true
    if kafka=$(scripts/kafka.sh start --port $kafka_port | tail -1) && [ -n "$kafka" ]; then
        export MILLRACE_TEST_KAFKA=$kafka
        MILLRACE_TEST_KAFKA_SECURE=$(scripts/kafka.sh secure --port $kafka_port | tail -1)
        export MILLRACE_TEST_KAFKA_SECURE
        features+=(broker-tests)
    else
        kafka=
        left_out+=("the broker suites (Java 17 and Maven)")
    fi
    say "PostgreSQL"
    scripts/postgres.sh clean --port $postgres_port >/dev/null 2>&1 || true
    if postgres=$(scripts/postgres.sh start --port $postgres_port | tail -1) && [ -n "$postgres" ]; then
        export MILLRACE_TEST_POSTGRES=$postgres
        features+=(db-tests)
    else
        postgres=
        left_out+=("the PostgreSQL suites (postgresql)")
    fi
fi
browser || left_out+=("the page of web chat in a browser (chromium)")
say "client libraries of others"
if scripts/sim-clients.sh --prepare; then
    clients=yes
else
    left_out+=("python-telegram-bot and aiogram against the fake (Python 3.10 with venv, and its package registry)")
fi
if [ ${#left_out[@]} -gt 0 ]; then
    printf 'left out: %s\n' "${left_out[@]}"
    [ "${CI:-}" = true ] && { echo "with CI=true nothing may be left out"; exit 1; }
fi

# One set for everything: another would be built anew.
export MILLRACE_FEATURES=${features[*]}

say "the gate: format, lints, documentation, generated files"
scripts/check.sh --no-tests

say "tests"
cargo test --features "$MILLRACE_FEATURES" -- --quiet

say "golden conversations on the embedded log"
cargo run --quiet --features "$MILLRACE_FEATURES" -- check tests/conversations/*.yaml
if [ -n "${clients:-}" ]; then
    say "client libraries of others against the Telegram fake"
    scripts/sim-clients.sh "${CARGO_TARGET_DIR:-target}/debug/millrace"
fi
if [ -n "${kafka:-}" ] && [ -n "${postgres:-}" ]; then
    say "golden conversations on Kafka and PostgreSQL, each role a process"
    cargo run --quiet --features "$MILLRACE_FEATURES" -- check --kafka "$kafka" --database "$postgres" tests/conversations/*.yaml
    say "chaos: half a minute of faults, on brokers and a database of its own"
    stop_all
    kafka='' postgres=''
    scripts/chaos.sh --seconds 30 --seed 7
fi
say "all suites passed"
