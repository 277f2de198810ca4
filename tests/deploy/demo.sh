#!/usr/bin/env bash
# The demo through a rendered overlay that runs as processes of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
.venv/bin/python -m deploy.local deploy/k8s/rendered/cpu.yaml --logs "$work/logs" >"$work/cluster" 2>&1 &
cluster=$!
trap 'kill -TERM $cluster 2>/dev/null && wait $cluster || true; rm -rf "$work"' EXIT

for _ in {1..90}; do
    kill -0 $cluster && ! grep -q '^Ready: ' "$work/cluster" || break
    sleep 1
done
cat "$work/cluster"
server=$(sed -n 's/^Ready: .*--server //p' "$work/cluster")
[[ -n $server ]]
.venv/bin/babelmesh demo --to es --server "$server" --out "$work/out"
grep -q '[a-z]' "$work/out/demo-congrats.es.srt"
