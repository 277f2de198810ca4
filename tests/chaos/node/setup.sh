#!/usr/bin/env bash
# Makes sure of Node and the packages of the independent client. Without them the chaos suite runs all the same, on its
# Python checker alone; so what cannot be had is told, and is no failure.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    if ! ../../../requirements/system.sh nodejs npm; then
        echo "Without Node and npm (see above) the independent client and checker are left out." >&2
        exit 0
    fi
fi
if [[ package-lock.json -nt node_modules/.package-lock.json ]]; then
    npm ci --silent || echo "npm could not install the packages of package-lock.json: the independent client is left out." >&2
    touch -c node_modules/.package-lock.json
fi
