#!/usr/bin/env bash
# Makes sure of what pip cannot install: a Python that is new enough, its venv module, and the Debian packages named
# as arguments. Asks apt only for what is missing, so a second run touches nothing. What is named with a "?" behind it
# is wanted, not needed: where it cannot be had, a line says so, and that is all.
set -euo pipefail

python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null; then
    echo "$python is missing: install Python 3.11 or newer." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$("$python" --version) is too old: Babelmesh needs Python 3.11 or newer." >&2
    echo "Install one and name it, for example: make setup PYTHON=python3.12" >&2
    exit 1
fi

missing=()
wanted=()
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=("$(basename "$python")-venv") # Debian ships them apart from the interpreter
fi
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "${package%\?}" 2>/dev/null || true)
    [[ $status == installed ]] && continue
    if [[ $package == *\? ]]; then wanted+=("${package%\?}"); else missing+=("$package"); fi
done
without() {
    ((${#wanted[@]})) && echo "Not installed, and what they serve is missing: ${wanted[*]}" >&2
    return 0
}
((${#missing[@]} + ${#wanted[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
    without
    ((${#missing[@]})) || exit 0
    echo "Missing: ${missing[*]}" >&2
    echo "These are Debian's names, and there is no apt-get here. Install their like, then: make setup SYSTEM_PACKAGES=" >&2
    exit 1
fi
as_root=()
if ((EUID != 0)); then
    as_root=(sudo)
    [[ -t 0 ]] || as_root+=(--non-interactive)
    if ! command -v sudo >/dev/null || ! "${as_root[@]}" true; then
        without
        ((${#missing[@]})) || exit 0
        echo "Missing: ${missing[*]}" >&2
        echo "Install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
fi

echo "Installing the system packages ${missing[*]} ${wanted[*]} ..."
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
"${apt[@]}" update || ((${#missing[@]} == 0))
# apt is quiet while all goes well: what it printed is shown only when it failed.
if ((${#missing[@]})) && ! log=$("${apt[@]}" install --yes --no-install-recommends "${missing[@]}" </dev/null 2>&1); then
    printf '%s\n' "$log" >&2
    exit 1
fi
install() { "${apt[@]}" install --yes --no-install-recommends "$@" </dev/null >/dev/null 2>&1; }
if ((${#wanted[@]})) && ! install "${wanted[@]}"; then
    missed=()
    for package in "${wanted[@]}"; do
        install "$package" || missed+=("$package")
    done
    wanted=("${missed[@]}")
    without
fi
