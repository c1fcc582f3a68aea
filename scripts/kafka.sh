#!/usr/bin/env bash
# A real Apache Kafka on this machine, without containers: KRaft, one broker or three, from the Maven artefacts.
#
#   scripts/kafka.sh start  [--brokers 1|3] [--port N]   starts it (or finds it running); the last line on stdout is
#                                                        the bootstrap address
#   scripts/kafka.sh secure [--port N]                   prints HOST:PORT and the file of the authority of the listener
#                                                        that wants TLS and a password: user millrace, password
#                                                        millrace-secret, by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
#   scripts/kafka.sh stop   [--port N]                   ends the brokers it started; the data stays
#   scripts/kafka.sh status [--port N]                   prints the address, exit status 0 when every broker is up
#   scripts/kafka.sh kill|restart --broker I [--port N]  kill -9 of broker I, or its start again: for tests of failure
#   scripts/kafka.sh clean  [--port N]                   stop, and throw the data away
#
# Needs Java 17 or later and Maven (the first time; the jars are kept). Broker I listens on PORT + 2 (I - 1), its
# controller on the port after it, the secure listener on PORT + 100 + I. Several installations may stand side by side on
# ports of their own.
#
# KAFKA_VERSION (4.1.0), KAFKA_HEAP (512m), KAFKA_QUICK (yes: brokers start in half the time and work slower),
# MILLRACE_CACHE (jars; ~/.cache/millrace) and MILLRACE_STATE (data, logs and pid files; ~/.local/state/millrace) may be
# set. Nothing is written inside the checkout.
set -euo pipefail

version=${KAFKA_VERSION:-4.1.0}
heap=${KAFKA_HEAP:-512m}
cores=$(nproc 2>/dev/null || echo 2)
network_threads=$((cores < 6 ? (cores + 1) / 2 : 3))
io_threads=$((cores < 8 ? cores : 8))
quick=${KAFKA_QUICK:-}
cache=${MILLRACE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace}/kafka-$version
state_root=${MILLRACE_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/millrace}/kafka
# A broker opens its port after about 5 s on an idle machine; a busy one with three brokers takes longer.
start_seconds=120

say() { echo "kafka.sh: $*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

action=${1:-}
[ $# -gt 0 ] && shift
brokers=1 port=19092 broker=1
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || { say "$1 wants a value"; usage; }
    case $1 in
        --brokers) brokers=$2 ;;
        --port) port=$2 ;;
        --broker) broker=$2 ;;
        *) say "unknown option $1"; usage ;;
    esac
    shift 2
done
case $brokers in 1 | 3) ;; *) say "--brokers is 1 or 3, not $brokers"; usage ;; esac
[[ $port =~ ^[0-9]+$ && $port -gt 1023 && $port -lt 65400 ]] || { say "--port is a number from 1024 to 65399"; usage; }
[[ $broker =~ ^[123]$ ]] || { say "--broker is 1, 2 or 3"; usage; }
state=$state_root/$port

client_port() { echo $((port + 2 * ($1 - 1))); }
secure_port() { echo $((port + 100 + $1)); }
controller_port() { echo $((port + 2 * ($1 - 1) + 1)); }
open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
count() { cat "$state/brokers" 2>/dev/null || echo 0; }

addresses() {
    local list='' i
    for i in $(seq "$(count)"); do list+=${list:+,}127.0.0.1:$(client_port "$i"); done
    echo "$list"
}

# The process of broker $1, if it is the one that we started: a pid may have been given to another process since.
pid_of() {
    local pid
    pid=$(cat "$state/$1/pid" 2>/dev/null) || return 1
    [ -r "/proc/$pid/cmdline" ] || { kill -0 "$pid" 2>/dev/null && echo "$pid"; return; }
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$state/$1/server.properties" && echo "$pid"
}

fetch_jars() {
    [ -f "$cache/complete" ] && return
    command -v mvn >/dev/null || die "maven is missing: install it (apt-get install maven), or set MILLRACE_CACHE to a folder that has kafka-$version"
    say "resolving Apache Kafka $version with maven (once, about 125 MB)"
    mkdir -p "$cache"
    cat >"$cache/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.24.3</version></dependency>
  </dependencies>
</project>
POM
    mvn -q -B -f "$cache/pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache/libs" >&2 ||
        die "maven could not resolve Apache Kafka $version"
    touch "$cache/complete"
}

# Writes the settings of broker $1 and formats its storage, unless that was done before.
prepare() {
    local i=$1 dir=$state/$1 voters='' v min_isr=1 n
    n=$(count)
    [ "$n" -eq 3 ] && min_isr=2
    for v in $(seq "$n"); do voters+=${voters:+,}$v@127.0.0.1:$(controller_port "$v"); done
    mkdir -p "$dir"
    cat >"$dir/log4j2.yaml" <<'LOG'
Configuration:
  Appenders: {Console: {name: out, PatternLayout: {pattern: "%d{ISO8601} %p %c{1} %m%n"}}}
  Loggers: {Root: {level: WARN, AppenderRef: {ref: out}}}
LOG
    cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$(client_port "$i"),SECURE://127.0.0.1:$(secure_port "$i"),CONTROLLER://127.0.0.1:$(controller_port "$i")
advertised.listeners=PLAINTEXT://127.0.0.1:$(client_port "$i"),SECURE://127.0.0.1:$(secure_port "$i")
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_millrace="millrace-secret";
listener.name.secure.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.location=$state/broker.p12
listener.name.secure.ssl.keystore.password=millrace-secret
listener.name.secure.ssl.keystore.type=PKCS12
listener.name.secure.ssl.client.auth=none
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
default.replication.factor=$n
min.insync.replicas=$min_isr
offsets.topic.replication.factor=$n
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=$n
transaction.state.log.min.isr=$min_isr
share.coordinator.state.topic.replication.factor=$n
share.coordinator.state.topic.min.isr=$min_isr
# Every topic is made by us, with the partitions that the configuration says.
auto.create.topics.enable=false
# A group of one machine need not wait 3 s for members that might come.
group.initial.rebalance.delay.ms=0
# A broker that was killed is registered again when its last registration is over, by default after 9 s.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
# What was not flushed is looked at after a kill, by default by one thread.
num.recovery.threads.per.data.dir=4
# The shortest session a test may ask for.
group.min.session.timeout.ms=1000
# A request passes from a network thread to a thread that writes and back. By default there are 3 and 8, which on two cores
# take them from each other and from whoever waits for the answer.
num.network.threads=$network_threads
num.io.threads=$io_threads
PROPERTIES
    [ -f "$dir/data/meta.properties" ] && return
    java -cp "$cache/libs/*" kafka.tools.StorageTool format -t "$(cat "$state/cluster")" -c "$dir/server.properties" \
        --add-scram 'SCRAM-SHA-256=[name=millrace,password=millrace-secret]' \
        --add-scram 'SCRAM-SHA-512=[name=millrace,password=millrace-secret]' \
        >"$dir/format.log" 2>&1 || die "formatting failed, see $dir/format.log"
}

# A certificate that signs itself, so that the secure listener has one and clients a file to trust.
certify() {
    [ -s "$state/ca.pem" ] && return
    local keytool=(keytool -keystore "$state/broker.p12" -storetype PKCS12 -storepass millrace-secret -alias broker)
    rm -f "$state/broker.p12"
    "${keytool[@]}" -genkeypair -keyalg EC -groupname secp256r1 -validity 3650 -dname CN=millrace \
        -ext san=ip:127.0.0.1,dns:localhost -ext bc=ca:true >"$state/keytool.log" 2>&1 &&
        "${keytool[@]}" -exportcert -rfc >"$state/ca.pem" 2>>"$state/keytool.log" ||
        die "keytool could not make a certificate, see $state/keytool.log"
}

launch() {
    local dir=$state/$1
    pid_of "$1" >/dev/null && return
    local p waited
    for p in "$(client_port "$1")" "$(controller_port "$1")" "$(secure_port "$1")"; do
        # The threads of a broker that was killed a moment ago may hold its ports a little longer.
        waited=0
        while open "$p" && [ $((waited += 1)) -le 25 ]; do sleep 0.2; done
        ! open "$p" || die "port $p is in use by something else: choose another with --port"
    done
    # As Kafka's own start script has it: short pauses rather than few. A broker that is killed again and again spends its
    # life compiling: quick means little of that, and classes from an
    # archive, which the first broker writes when it ends in order.
    local jvm=(-XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35)
    if [ -n "$quick" ]; then
        jvm=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC)
        if [ -f "$cache/classes.jsa" ]; then
            jvm+=("-XX:SharedArchiveFile=$cache/classes.jsa")
        elif [ "$1" -eq 1 ]; then
            jvm+=("-XX:ArchiveClassesAtExit=$dir/classes.jsa")
        fi
    fi
    # In a session of its own, so that a Ctrl-C in the terminal that started it does not reach it.
    setsid java "-Xmx$heap" "-Xms$heap" "${jvm[@]}" "-Dlog4j2.configurationFile=$dir/log4j2.yaml" \
        -cp "$cache/libs/*" kafka.Kafka "$dir/server.properties" >>"$dir/broker.log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
}

await() {
    local i=$1 waited=0
    until open "$(client_port "$i")"; do
        pid_of "$i" >/dev/null || die "broker $i ended while starting, see $state/$i/broker.log"
        [ $((waited += 1)) -le $((start_seconds * 5)) ] || die "broker $i did not open its port in $start_seconds s, see $state/$i/broker.log"
        sleep 0.2
    done
}

start() {
    command -v java >/dev/null || die "java is missing: install version 17 or later (apt-get install openjdk-17-jre-headless)"
    fetch_jars
    mkdir -p "$state"
    if [ "$(count)" -ne 0 ] && [ "$(count)" -ne "$brokers" ]; then
        die "port $port holds an installation of $(count) brokers: use another --port, or scripts/kafka.sh clean --port $port"
    fi
    echo "$brokers" >"$state/brokers"
    [ -s "$state/cluster" ] || java -cp "$cache/libs/*" kafka.tools.StorageTool random-uuid 2>/dev/null | tail -1 >"$state/cluster"
    certify
    local i
    for i in $(seq "$brokers"); do prepare "$i"; done
    for i in $(seq "$brokers"); do launch "$i"; done
    for i in $(seq "$brokers"); do await "$i"; done
    say "Apache Kafka $version, $brokers broker(s), data in $state"
    addresses
}

stop() {
    local i pid waited
    # The controllers need a majority to shut down in order: ask all of them before waiting for one.
    for i in 1 2 3; do pid=$(pid_of "$i") && kill "$pid"; done
    for i in 1 2 3; do
        waited=0
        while pid=$(pid_of "$i"); do
            [ $((waited += 1)) -le 150 ] || { say "broker $i did not end in 30 s and is killed"; kill -9 "$pid"; }
            sleep 0.2
        done
        rm -f "$state/$i/pid"
        [ ! -f "$state/$i/classes.jsa" ] || mv "$state/$i/classes.jsa" "$cache/classes.jsa"
    done
}

status() {
    [ "$(count)" -gt 0 ] || die "nothing was started on port $port"
    local i down=0
    for i in $(seq "$(count)"); do
        if pid_of "$i" >/dev/null && open "$(client_port "$i")"; then
            say "broker $i: up, process $(pid_of "$i")"
        else
            say "broker $i: down"
            down=1
        fi
    done
    addresses
    return $down
}

case $action in
    start) start ;;
    stop) stop ;;
    secure)
        [ "$(count)" -gt 0 ] || die "nothing was started on port $port"
        echo "127.0.0.1:$(secure_port 1) $state/ca.pem"
        ;;
    status) status ;;
    kill)
        pid=$(pid_of "$broker") || die "broker $broker does not run"
        kill -9 "$pid"
        while pid_of "$broker" >/dev/null; do sleep 0.05; done
        ;;
    restart)
        [ "$(count)" -ge "$broker" ] || die "there is no broker $broker on port $port"
        launch "$broker"
        await "$broker"
        addresses
        ;;
    clean)
        stop
        rm -rf "$state"
        ;;
    *) usage ;;
esac
