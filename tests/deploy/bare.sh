#!/usr/bin/env bash
# Tries `make demo` and `make test` where nothing is installed: a clean clone of HEAD in a fresh Debian root that holds
# python3, make and git. Needs root, debootstrap and unshare. Usage: tests/deploy/bare.sh [SUITE] (default bookworm).
# TARGETS=setup tries these targets instead; PACKAGES=npm has more Debian packages there.
#
# Of this machine the root gets only what reaching the registries takes: resolver, certificates, proxy variables, apt's
# mirror, the configuration of apt, pip and npm, and the files and folders that pip's names. It runs in mount and process
# namespaces of its own, so nothing stays mounted or running, however it ends. KEEP=1 keeps the folder.
set -euo pipefail

suite=${1:-bookworm}
repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)

outside() {
    local root status=0
    root=$(mktemp --directory --tmpdir bare.XXXXXX)
    chmod 755 "$root"
    unshare --mount --pid --fork --kill-child "$0" --inside "$root" "$suite" || status=$?
    if [[ ${KEEP:-} ]]; then
        echo "Kept: $root"
    else
        rm --recursive --force --one-file-system "$root"
    fi
    exit "$status"
}

inside() {
    local root=$1 target
    mount --make-rprivate /
    timed "debootstrap" bootstrap "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    carry_network "$root"
    carry_pip "$root"
    carry_npm "$root"
    [[ -z ${PACKAGES:-} ]] || timed "apt-get install $PACKAGES" with_packages "$root" $PACKAGES
    git clone --quiet "file://$repository" "$root/root/babelmesh"
    for target in ${TARGETS:-demo test}; do
        timed "make $target" in_root "$root" make "$target"
    done
    timed "make setup, again" in_root "$root" make setup
    echo "Models on disk: $(du --summarize --human-readable "$root/root/.local/share/babelmesh/models" 2>&1)"
    echo "Speech on disk: $(find "$root/root/babelmesh" -path '*/out/*.wav' -printf '%f (%s bytes) ')"
    if pgrep --nslist pid --ns $$ --full babelmesh >/dev/null; then
        echo "A process is still running." >&2
        exit 1
    fi
}

timed() {
    local name=$1 start=$SECONDS
    shift
    echo "== $name"
    "$@"
    echo "== $name: $((SECONDS - start)) s"
}

bootstrap() {
    local scripts=/usr/share/debootstrap/scripts script
    script=$scripts/$suite
    [[ -e $script ]] || script=$scripts/sid  # a release younger than this debootstrap
    debootstrap --variant=minbase --include=python3,make,git,ca-certificates "$suite" "$1" "$(mirror)" "$script" >"$1.log" ||
        { cat "$1.log" >&2 && exit 1; }
    rm "$1.log"
    echo "deb $(mirror) $suite main" >"$1/etc/apt/sources.list"
}

mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | head -n 1
}

carry_network() {
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    apt-config dump Acquire >"$1/etc/apt/apt.conf.d/00machine"
    cp --recursive /etc/apt/auth.conf* "$1/etc/apt/" 2>/dev/null || true
    cp --recursive /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates/" 2>/dev/null || true
    cp --dereference /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
}

carry_pip() {
    local file folder
    for file in /etc/pip.conf /etc/xdg/pip/pip.conf "${PIP_CONFIG_FILE:-}"; do
        [[ -f $file ]] && install -D --mode=644 "$file" "$1$file"
    done
    for file in .config/pip/pip.conf .pip/pip.conf; do
        [[ -f ~/$file ]] && install -D --mode=644 ~/"$file" "$1/root/$file"
    done
    # Files, as of constraints, and folders that serve as an index or hold wheels. The pages of an index link to its
    # neighbours, hence the parent.
    for folder in $(python3 -m pip config list | grep -oE "(file://)?/[^'\\\\ ]+"); do
        folder=${folder#file://}
        [[ -f $folder && ! -e $1$folder ]] && install -D --mode=644 "$folder" "$1$folder"
        [[ $folder == */simple ]] && folder=$(dirname "$folder")
        [[ -d $folder && ! -e $1$folder ]] || continue
        mkdir --parents "$1$folder"
        mount --bind --options ro "$folder" "$1$folder"
    done
}

carry_npm() {
    local file
    [[ -f ~/.npmrc ]] && install -D --mode=600 ~/.npmrc "$1/root/.npmrc"
    for file in /etc/npmrc "$(npm config get globalconfig 2>/dev/null)"; do
        [[ -f $file ]] && install -D --mode=644 "$file" "$1/etc/npmrc" # where Debian's npm looks
    done
    return 0
}

with_packages() {
    local root=$1
    shift
    in_chroot "$root" apt-get -qq update
    in_chroot "$root" apt-get -qq --no-install-recommends --yes install "$@" >/dev/null
}

in_root() {
    local root=$1
    shift
    in_chroot "$root" "$@" --directory=/root/babelmesh --no-print-directory
}

in_chroot() {
    local root=$1 carried=()
    shift
    while IFS= read -r variable; do
        carried+=("$variable")
    done < <(env | grep -E '^(PIP_|npm_config_|SSL_CERT_|NODE_EXTRA_CA_CERTS=|REQUESTS_CA_BUNDLE=|(http|https|no)_proxy=|(HTTP|HTTPS|NO)_PROXY=)')
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 CI=true DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${carried[@]}" \
        "$@" </dev/null
}

if [[ ${1:-} == --inside ]]; then
    suite=$3
    inside "$2"
else
    outside
fi
