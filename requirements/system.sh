#!/usr/bin/env bash
# Makes sure of what pip cannot install: a Python that is new enough, its venv module, and the Debian packages named
# as arguments. Asks apt only for what is missing, so a second run touches nothing. Packages named behind `--optional` are
# installed where the distribution has them; one that it has not is a line, and setup goes on.
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
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=("$(basename "$python")-venv") # Debian ships them apart from the interpreter
fi
optional=()
asked=missing
for package in "$@"; do
    if [[ $package == --optional ]]; then
        asked=optional
        continue
    fi
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || declare "$asked+=($package)"
done

((${#missing[@]} + ${#optional[@]})) || exit 0

without() { echo "Going on without ${*}: ${optional_why:-this distribution does not have it}." >&2; }

if ! command -v apt-get >/dev/null; then
    optional_why="there is no apt-get here" without "${optional[@]}"
    ((${#missing[@]})) || exit 0
    echo "Missing: ${missing[*]}" >&2
    echo "These are Debian's names, and there is no apt-get here. Install their like, then: make setup SYSTEM_PACKAGES=" >&2
    exit 1
fi

# What apt's lists do not know cannot be had; before the first update there are no lists.
known() { [[ $(apt-cache madison "$1" 2>/dev/null) ]]; } # show knows names that nothing is behind, too
lists() { compgen -G "${APT_LISTS:-/var/lib/apt/lists}/*_Packages*" >/dev/null; }
wanted() {
    local package
    for package in "${optional[@]}"; do
        if known "$package"; then missing+=("$package"); else without "$package"; fi
    done
}
required=${#missing[@]}
if ((required == 0)) && lists; then
    wanted # a second run asks nobody anything
    ((${#missing[@]})) || exit 0
fi

as_root=()
if ((EUID != 0)); then
    as_root=(sudo)
    [[ -t 0 ]] || as_root+=(--non-interactive)
    if ! command -v sudo >/dev/null || ! "${as_root[@]}" true; then
        if ((required == 0)); then
            optional_why="installing it takes root" without "${optional[@]}"
            exit 0
        fi
        echo "Missing: ${missing[*]}" >&2
        echo "Install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
fi

apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
"${apt[@]}" update
((${#missing[@]} > required)) || wanted
((${#missing[@]})) || exit 0
echo "Installing the system packages ${missing[*]} ..."
# What apt prints is shown only when it failed. Until then a line now and then says how far it is.
log="" line="" ready=0 began=$SECONDS told=$SECONDS status=1
while true; do
    if IFS= read -r -t "${PROGRESS_SECONDS:-15}" line; then
        [[ $line != "status "* ]] || { status=${line#status } && break; }
        [[ $line != "Setting up "* ]] || ready=$((ready + 1))
        log+=$line$'\n'
    elif (($? <= 128)); then
        break # it has ended without a word
    fi
    if ((SECONDS - told >= ${PROGRESS_SECONDS:-15})); then
        told=$SECONDS
        echo "  $ready packages are set up after $((SECONDS - began)) s" >&2
    fi
done < <("${apt[@]}" install --yes --no-install-recommends "${missing[@]}" </dev/null 2>&1 && echo "status 0" || echo "status $?")
if ((status != 0)); then
    printf '%s\n' "$log" >&2
    exit 1
fi
