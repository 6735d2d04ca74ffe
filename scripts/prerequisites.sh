# Sourced by ./run, ./test and ./bench: what they need and a fresh Debian machine may lack. Installs it, and says so.

say() { printf '%s\n' "$*" >&2; }

need_dotnet() {
    command -v dotnet >/dev/null && return
    say "The .NET 10 SDK is needed and 'dotnet' is not on the PATH. Install it, then run this again."
    exit 1
}

need_postgresql() {
    command -v initdb >/dev/null && return
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
    need_package postgresql "PostgreSQL"
}

# For one test of fail-over. Where it cannot be had the test says that it was not shown, and the others run.
want_patroni() {
    command -v patroni >/dev/null && command -v etcd >/dev/null && return
    (need_package patroni "Patroni" && need_package etcd-server "etcd") || true
}

# need_package <debian package> <name>
need_package() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { say "$2 is needed. As root: apt-get install $1"; exit 1; }
        as_root=(sudo)
    fi
    command -v apt-get >/dev/null || { say "$2 is needed and there is no apt-get here: install it, then run this again."; exit 1; }
    say "Installing $2 (Debian package $1) …"
    "${as_root[@]}" apt-get update -qq >/dev/null &&
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$1" >/dev/null ||
        { say "$2 could not be installed. By hand: apt-get install $1"; exit 1; }
}
