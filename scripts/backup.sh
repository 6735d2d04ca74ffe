#!/usr/bin/env bash
# A base backup of a running PostgreSQL, for a restore to any moment behind it together with its archive of the log (docs/operating.md).
#
#   scripts/backup.sh CONNECTION DIRECTORY
#
# CONNECTION is what libpq takes, of a role with REPLICATION: "host=… user=… password=…". DIRECTORY gets the backup and must not be there.
# To be run as an unprivileged user.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 CONNECTION DIRECTORY" >&2; exit 2; }
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
pg_basebackup --dbname="$1" --pgdata="$2" --format=plain --wal-method=stream --checkpoint=fast --manifest-checksums=SHA256
pg_verifybackup "$2" >/dev/null
echo "backed up to $2"
