#!/usr/bin/env bash
# Sends every second what three exchanges would: the prices in the data directory's file "prices", a line each (BTC 60000).
# For those who try CrossMargin. A price that nobody repeats is stale after five seconds, and then there is none.
#
#   scripts/prices.sh [PORT] [DATA DIRECTORY]
set -u
. "$(dirname "${BASH_SOURCE[0]}")/client.sh" "$@"

declare -A sent
for source in spot-1 spot-2 spot-3; do
    target=/v1/ingest/$source?of=prices
    position=$(curl -s "$api$target" -H "$(signed_as oracle GET "$target" "")")
    sent[$source]=$(printf '%s' "$position" | sed -E 's/.*"lastSourceSequence":([0-9]+).*/\1/')
done
echo "Sending; Ctrl-C stops it."

while sleep 1; do
    [ -s "$tokens/../prices" ] || continue
    prices=$(sed -E 's/(.*) (.*)/{"underlying":"\1","price":"\2"}/' "$tokens/../prices" | paste -sd,)
    for source in spot-1 spot-2 spot-3; do
        item='{"sourceSequence":'$((sent[$source] + 1))',"at":'$(date +%s%3N)',"prices":['$prices']}'
        case $(report oracle "/v1/prices?source=$source" '{"items":['"$item"']}') in
            *sourceSequence*) sent[$source]=$((sent[$source] + 1)) ;;
        esac
    done
done
