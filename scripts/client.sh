# Sourced by those who try CrossMargin with curl:  . scripts/client.sh [PORT] [DATA DIRECTORY]
# The demonstration principals' tokens lie in the data directory, each readable by its owner only.

api=http://127.0.0.1:${1:-8080}
tokens=${2:-.data}/tokens

# as NAME: the header that says who asks.
as() { printf 'Authorization: Bearer %s' "$(cat "$tokens/$1")"; }

# key: the header that makes a request safe to repeat, a new version 7 UUID.
key() {
    local hex
    hex=$(printf '%012x' "$(date +%s%3N)")$(od -An -N10 -tx1 /dev/urandom | tr -d ' \n')
    printf 'Idempotency-Key: %s-%s-7%s-8%s-%s' "${hex:0:8}" "${hex:8:4}" "${hex:13:3}" "${hex:17:3}" "${hex:20:12}"
}

# field NAME: the text of a field of the JSON on stdin.
field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/"; }

# signed_as NAME METHOD TARGET BODY: the header of a machine's signed request; docs/api.md says what is signed.
signed_as() {
    local who=$1
    shift
    local now nonce hash secret mac
    now=$(date +%s%3N)
    nonce=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    hash=$(printf '%s' "$3" | openssl dgst -sha256 -r | cut -d' ' -f1)
    secret=$(base64 -d <"$tokens/$who" | od -An -v -tx1 | tr -d ' \n')
    mac=$(printf '%s\n%s\n%s\n%s\n%s\n%s\n%s' "$1" "${2%%\?*}" "$(query_of "$2")" "$hash" "$now" "$nonce" "$who-1" |
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$secret" -r | cut -d' ' -f1)
    printf 'Authorization: CM-HMAC-SHA256 keyId=%s-1,timestamp=%s,nonce=%s,signature=%s' "$who" "$now" "$nonce" "$mac"
}

# get NAME TARGET, post NAME TARGET BODY: curl as somebody, with a new key; report NAME TARGET BODY: as a machine, signed.
get() { curl -s "$api$2" -H "$(as "$1")"; }
post() { curl -s "$api$2" -H "$(as "$1")" -H "$(key)" --json "$3"; }
report() { curl -s "$api$2" -H "$(signed_as "$1" POST "$2" "$3")" --json "$3"; }

# price BTC 60000 ETH 3000: what scripts/prices.sh sends from now on. Waits for the frame that has it.
price() {
    printf '%s %s\n' "$@" >"$tokens/../prices"
    local frame= given=
    while true; do
        frame=$(get auditor /v1/frames/latest)
        case $frame in *degraded* | *halted*) sleep 0.1; continue ;; esac
        for given in "$@"; do
            case $given in [0-9]*) case $frame in *"\"index\":\"$given\""*) ;; *) sleep 0.1; continue 2 ;; esac ;; esac
        done
        break
    done
    latest=$(printf '%s' "$frame" | sed -E 's/^\{"number":([0-9]+).*/\1/')
}

# summary NAME ACCOUNT: how the account stands under the frame that price waited for, or a later one.
summary() {
    local answer=
    until answer=$(get "$1" "/v1/accounts/$2/summary") && [ "$(printf '%s' "$answer" | sed -E 's/.*"frame":([0-9]+).*/\1/')" -ge "${latest:-0}" ]; do
        sleep 0.1
    done
    printf '%s\n' "$answer"
}

query_of() { case $1 in *\?*) printf '%s' "${1#*\?}" ;; esac; }
