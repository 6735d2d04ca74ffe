# Sourced by ./run --silos N: the private PostgreSQL and N silos, each a process of its own, until Ctrl-C. Silo 1 is at the port that
# was asked for, the others behind it; the ports a hundred further on are their links.

program=$PWD/artifacts/bin/Api/release/CrossMargin.Api
database_pid=
silo_pids=()

# A signal of the terminal is for this script: it ends the silos first and the database last.
stop() {
    local pid
    for pid in "${silo_pids[@]}"; do kill -TERM "$pid" 2>/dev/null; done
    for pid in "${silo_pids[@]}"; do until_gone "$pid"; done
    silo_pids=()
    [ -z "$database_pid" ] || { kill -TERM "$database_pid" 2>/dev/null; until_gone "$database_pid"; }
    database_pid=
}
until_gone() { while kill -0 "$1" 2>/dev/null; do sleep 0.1; done; }
trap 'say "Stopping …"; stop; say "Stopped."; exit 0' INT TERM
fail() { say "$1"; stop; exit 1; }

is_ready() {
    local status=
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf 'GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    read -r _ status _ <&3
    exec 3>&-
    [ "$status" = 200 ]
}

say "Starting PostgreSQL …"
rm -f "$data/database.env"
setsid "$program" --database "$data" >"$data/database.log" 2>&1 &
database_pid=$!
until [ -f "$data/database.env" ]; do
    kill -0 "$database_pid" 2>/dev/null || fail "$(tail -n 1 "$data/database.log")"
    sleep 0.1
done

[ -f "$data/cluster.key" ] || (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$data/cluster.key")
start_silo() {
    local number=$1 at=$((port + $1 - 1))
    (
        set -a
        . "$data/database.env"
        CROSSMARGIN__CLUSTERKEY=$(cat "$data/cluster.key") CROSSMARGIN__SILO=silo-$number
        CROSSMARGIN__LINK=127.0.0.1:$((at + 100)) CROSSMARGIN__PORT=$at CROSSMARGIN__DATADIRECTORY=$data
        exec setsid "$program"
    ) >"$data/silo-$number.log" 2>&1 &
    silo_pids[number - 1]=$!
    disown "$!"   # that it was killed is said below, in our words
    printf '%s\n' "$!" >"$data/silo-$number.pid"
}

# The first one makes the schema and the access file that all of them use.
say "Starting $silos silos …"
for number in $(seq "$silos"); do
    start_silo "$number"
    until is_ready $((port + number - 1)); do
        kill -0 "${silo_pids[$((number - 1))]}" 2>/dev/null || fail "$(tail -n 1 "$data/silo-$number.log")"
        sleep 0.2
    done
done

printf '\nCrossMargin is ready.\n'
for number in $(seq "$silos"); do
    printf '  silo-%s  http://127.0.0.1:%s  (pid %s, log %s)\n' \
        "$number" $((port + number - 1)) "${silo_pids[$((number - 1))]}" "$data/silo-$number.log"
done
cat <<END
  data    $data

To try, in another terminal: any silo takes any command; kill one and watch its shards move. It is started again after ten seconds.

  cd $PWD && . scripts/client.sh $port $data
  alice=\$(curl -s -X POST \$api/v1/accounts -H "\$(as alice)" -H "\$(key)" | field account)
  curl http://127.0.0.1:$((port + 1))/v1/accounts/\$alice/deposits -H "\$(as operator)" -H "\$(key)" \\
      --json '{"asset":"USDC","amount":"100","reference":"wire 1"}'
  kill -9 \$(cat $data/silo-$silos.pid)
  curl -s \$api/v1/cluster -H "\$(as operator)"

Ctrl-C stops them all. docs/cluster.md says how they divide the shards.
END

# A silo that ends is started again, but not at once: one sees its shards move, and come back.
while true; do
    sleep 1
    for number in $(seq "$silos"); do
        kill -0 "${silo_pids[$((number - 1))]}" 2>/dev/null && continue
        say "silo-$number has ended; it is started again in ten seconds."
        sleep 10
        start_silo "$number"
    done
done
