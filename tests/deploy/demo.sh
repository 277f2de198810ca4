#!/usr/bin/env bash
# The demo through a rendered overlay that runs as processes of this machine: it has to say everything, in Spanish too,
# and to tell of nothing that was left out.
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

fail() {
    cat "$work/cluster" "$work"/logs/gateway-*.log
    echo "$1" >&2
    exit 1
}
grep -q 'open source' "$work/out/demo-congrats.en.srt" || fail "The transcript lacks words of the recording."
grep -q '[a-z]' "$work/out/demo-congrats.es.srt" || fail "There is no Spanish."
.venv/bin/python - "$work/out/demo-congrats.json" <<'EOF' || fail "The session told of something it went without."
import json, sys

events = json.load(open(sys.argv[1]))
told = [each for each in events if each["event"] in ("error", "degraded") or each.get("gaps") or each.get("degraded")]
print(*told, sep="\n", end="")
sys.exit(bool(told))
EOF
