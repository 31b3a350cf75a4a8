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

# The second opinion: first and last leaf, growth from the size before, and every altered copy of one size.
aics=target/foreign/aics/bin/aics-tlog
if [ -x "$aics" ]; then
    count=0
    before=
    for size in 1 255 256 257 1025 65535 65536 65537; do
        log="$out/good/$size"
        for index in 0 $((size - 1)); do
            "$aics" verify-inclusion --index "$index" --vkey-file "$out/vkey" --tiles "$log" >"$out/aics.txt" ||
                { cat "$out/aics.txt" >&2; exit 1; }
        done
        if [ -n "$before" ]; then
            "$aics" verify-consistency --old-checkpoint "$before/checkpoint" --checkpoint "$log/checkpoint" \
                --vkey-file "$out/vkey" --tiles "$log" >"$out/aics.txt" || { cat "$out/aics.txt" >&2; exit 1; }
        fi
        before="$log"
        count=$((count + 1))
    done
    for log in "$out"/bad/65537-*; do
        if "$aics" verify-inclusion --index 128 --vkey-file "$out/vkey" --tiles "$log" >"$out/aics.txt"; then
            echo "aics-tlog accepts $log" >&2
            exit 1
        fi
        count=$((count + 1))
    done
    echo "second opinion of aics-tlog: $count passed, 0 failed"
else
    echo "NOT RUN: the second opinion of aics-tlog, which needs Python 3.12 or newer"
fi
rm -rf "$out/good" "$out/bad" "$out/proofs" "$out/bad-proofs"
