#!/usr/bin/env bash
# A real PostgreSQL on this machine, without containers, from the system's packages.
#
#   scripts/postgres.sh start  [--port N]   starts it (or finds it running); the last line on stdout is the URL
#   scripts/postgres.sh stop   [--port N]   ends it; the data stays
#   scripts/postgres.sh status [--port N]   prints the URL, exit status 0 when it is up
#   scripts/postgres.sh clean  [--port N]   stop, and throw the data away
#
# Where PostgreSQL is missing, root installs it with apt-get; anyone else is told what to install. The database and its
# owner are called millrace; it listens on 127.0.0.1 only and trusts whoever connects: for tests, never for a server.
#
# MILLRACE_STATE (data and logs) may be set; it must be a folder that the user postgres can reach when root runs this.
set -euo pipefail

self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
say() { echo "postgres.sh: $*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$self" >&2; exit 2; }

action=${1:-}
[ $# -gt 0 ] && shift
port=15432
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || { say "$1 wants a value"; usage; }
    case $1 in
        --port) port=$2 ;;
        *) say "unknown option $1"; usage ;;
    esac
    shift 2
done
[[ $port =~ ^[0-9]+$ && $port -gt 1023 && $port -lt 65536 ]] || { say "--port is a number from 1024 to 65535"; usage; }

# PostgreSQL refuses to run as root, and its user can't reach root's home.
if [ "$(id -u)" -eq 0 ]; then
    as=(runuser -u postgres --)
    state_root=${MILLRACE_STATE:-/var/tmp/millrace}/postgres
else
    as=()
    state_root=${MILLRACE_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/millrace}/postgres
fi
state=$state_root/$port
url=postgres://millrace@127.0.0.1:$port/millrace

find_bin() {
    local dir
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) /usr/pgsql-*/bin /usr/local/bin /usr/bin /opt/homebrew/bin; do
        [ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ] && { echo "$dir"; return; }
    done
    return 1
}

install() {
    find_bin >/dev/null && return
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installing postgresql with apt-get"
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql; } >&2 ||
            die "apt-get could not install postgresql"
    fi
    find_bin >/dev/null || die "PostgreSQL is missing: install the package postgresql (as root: apt-get install postgresql)"
}

ctl() { "${as[@]}" "$(find_bin)/pg_ctl" -D "$state" "$@"; }
# Run from a folder that the user postgres may enter.
cd /
up() { [ -d "$state" ] && find_bin >/dev/null && ctl status >/dev/null 2>&1; }

start() {
    install
    if ! [ -f "$state/PG_VERSION" ]; then
        mkdir -p "$state"
        [ "$(id -u)" -ne 0 ] || { chmod 755 "${state_root%/*}" "$state_root"; chown postgres "$state"; }
        "${as[@]}" "$(find_bin)/initdb" -D "$state" -A trust -U millrace -E UTF8 --locale=C.UTF-8 --no-sync >"$state_root/$port.init.log" 2>&1 ||
            die "initdb failed, see $state_root/$port.init.log"
    fi
    if ! up; then
        ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || die "port $port is in use by something else: choose another with --port"
        ctl -l "$state/server.log" -o "-p $port -k $state -c listen_addresses=127.0.0.1 -c max_connections=200" -w -t 60 start >/dev/null ||
            die "PostgreSQL did not start, see $state/server.log"
    fi
    local psql=("$(find_bin)/psql" -h 127.0.0.1 -p "$port" -U millrace)
    [ "$("${psql[@]}" -d postgres -Atc "select 1 from pg_database where datname = 'millrace'")" = 1 ] ||
        "${psql[@]}" -d postgres -qc 'create database millrace'
    say "$("${psql[@]}" -d millrace -Atc 'show server_version' | sed 's/^/PostgreSQL /'), data in $state"
    echo "$url"
}

stop() {
    up || return 0
    ctl -m fast -w -t 60 stop >/dev/null || die "PostgreSQL did not end, see $state/server.log"
}

case $action in
    start) start ;;
    stop) stop ;;
    status)
        up || die "nothing runs on port $port"
        echo "$url"
        ;;
    clean)
        stop
        rm -rf "$state" "$state_root/$port.init.log"
        ;;
    *) usage ;;
esac
