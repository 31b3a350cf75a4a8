#!/usr/bin/env bash
# Puts in the programs that receive what we send and that we did not write: a Python environment with pika and Standard
# Webhooks. Does nothing that was done before. Outcome: target/connect/bin/python
set -euo pipefail
cd "$(dirname "$0")/../.."
packages="pika==1.4.4 standardwebhooks==1.1.0"
out=target/connect
mkdir -p target
# Two tests may want it at once.
exec 9>target/connect.lock
flock 9
if [ "$(cat "$out.version" 2>/dev/null)" != "$packages" ]; then
    rm -rf "$out"
    python3 -m venv "$out"
    # shellcheck disable=SC2086
    "$out/bin/pip" install -q --disable-pip-version-check $packages
    echo "$packages" >"$out.version"
fi
