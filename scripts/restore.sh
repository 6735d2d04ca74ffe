#!/usr/bin/env bash
# Makes a data directory of a base backup that will play the archived log up to a moment, and then serve (docs/operating.md).
#
#   scripts/restore.sh BACKUP ARCHIVE TARGET [TIME]      TIME as PostgreSQL reads it; without it, to the end of the archive
#
# Starts nothing. To be run as the user that PostgreSQL will run as.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: $0 BACKUP ARCHIVE TARGET [TIME]" >&2; exit 2; }
backup=$1 archive=$2 target=$3 time=${4:-}
[ ! -e "$target" ] || { echo "$target is there already: choose another one" >&2; exit 1; }
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
pg_verifybackup "$backup" >/dev/null
cp -a "$backup" "$target"
chmod 700 "$target"
{
    echo "restore_command = 'cp \"$archive/%f\" \"%p\"'"
    echo "recovery_target_action = 'promote'"
    echo "archive_mode = 'off'"
    echo "synchronous_standby_names = ''"
    [ -z "$time" ] || echo "recovery_target_time = '$time'"
} >>"$target/postgresql.auto.conf"
touch "$target/recovery.signal"
echo "restored to $target${time:+, as of $time}; start PostgreSQL there, then a silo"
