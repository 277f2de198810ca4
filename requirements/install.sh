#!/usr/bin/env bash
# Runs `PYTHON -m pip install` for a file of requirements, and says how far it is: packages and sizes as they come, on
# one line of a terminal, or a line now and then. Usage: install.sh PYTHON REQUIREMENTS
set -euo pipefail

python=$1 requirements=$2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
all=$(grep -c '^[A-Za-z0-9].*==' "$requirements")
began=$SECONDS

# Of pip's output: how many packages it has come to, their size, and what it does now.
far() {
    awk -v all="$all" -v seconds="$((SECONDS - began))" '
        /^Collecting / { count++ }
        / (Downloading|Using cached) .*\([0-9.]+ [kM]B\)/ {
            match($0, /\([0-9.]+ [kM]B\)/)
            split(substr($0, RSTART + 1, RLENGTH - 2), size, " ")
            bytes += size[1] * (size[2] == "MB" ? 1e6 : 1e3)
        }
        /^Installing collected packages/ { installing = 1 }
        END {
            printf "  %d of at most %d packages, %.0f MB", count, all, bytes / 1e6
            if (installing) printf ", installing them"
            else printf ", %.1f MB/s", bytes / 1e6 / (seconds ? seconds : 1)
        }' "$log"
}

"$python" -m pip install --progress-bar=off --disable-pip-version-check --no-deps --require-hashes \
    -r "$requirements" >"$log" 2>&1 &
pip=$!
trap 'kill "$pip" 2>/dev/null || true; rm -f "$log"' EXIT
while kill -0 "$pip" 2>/dev/null; do
    if [[ -t 2 ]]; then
        printf '\r\033[K%s' "$(far)" >&2
    elif (((SECONDS - began) % 20 == 19)); then
        printf '%s\n' "$(far)" >&2
    fi
    sleep 1
done
[[ ! -t 2 ]] || printf '\r\033[K' >&2
if ! wait "$pip"; then
    grep -A 20 '^ERROR' "$log" >&2 || tail "$log" >&2
    exit 1
fi
printf '%s in %d s\n' "$(far | sed 's/ of at most [0-9]*//; s/ MB,.*/ MB/')" "$((SECONDS - began))" >&2
