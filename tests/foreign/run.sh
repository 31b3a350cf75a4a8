#!/usr/bin/env bash
# Writes logs of every size from 1 to 1,025 and around 2^16 with our code, and has golang.org/x/mod verify
# them: all must be accepted, and every altered copy refused.
set -euo pipefail
cd "$(dirname "$0")/../.."

bash tests/foreign/setup.sh
out=target/foreign/logs
verify=target/foreign/go-verify

rm -rf "$out"
cargo run -q -p indelible-tlog --example write-log -- "$out" 1-1025 65535-65537
key="$(cat "$out/vkey")"

# Prints the closing line of a run, or everything that went wrong.
check() {
    local name="$1" wrong="$2"
    shift 2
    if "$verify" "$@" >"$out/$name.txt"; then
        echo "$name: $(tail -n 1 "$out/$name.txt")"
    else
        grep "^$wrong" "$out/$name.txt" | head -n 20 || true
        echo "$name: $(tail -n 1 "$out/$name.txt"), see $out/$name.txt" >&2
        exit 1
    fi
}

check logs-accepted refused logs -vkey "$key" "$out/good"
check altered-logs-refused accepted logs -vkey "$key" -refused "$out/bad"
check proofs-accepted refused proof -vkey "$key" "$out"/proofs/*
check altered-proofs-refused accepted proof -vkey "$key" -refused "$out"/bad-proofs/*
rm -rf "$out/good" "$out/bad" "$out/proofs" "$out/bad-proofs"
