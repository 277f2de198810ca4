#!/usr/bin/env bash
# What is checked of deploy/ by programs that `make test` does without; `make check-deploy` installs them. Each line is a
# step: all of them run, and those that failed are named at the end.
set -uo pipefail
cd "$(dirname "$0")/../.."

failed=()
step() {
    printf '== %s\n' "$1"
    "${@:2}" || failed+=("$1")
}

# Components no overlay has, on top of one that could: rendered to see that they do.
components() {
    local rendered
    rendered=$(mktemp --suffix=.yaml)
    kubectl kustomize "tests/deploy/overlays/$1" >"$rendered" &&
        .deploy/bin/python tests/deploy/schemas.py "$rendered"
    local status=$?
    rm -f "$rendered"
    return $status
}

sboms() {
    local folder
    folder=$(mktemp -d)
    .deploy/bin/python -m deploy.sbom "$folder" >/dev/null
    local status=$?
    rm -rf "$folder"
    return $status
}

command -v kubectl >/dev/null || { echo "kubectl is missing; any version from 1.30 on renders what is here." >&2; exit 1; }

rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT

step "rendered.sums is of what the overlays make" .venv/bin/python -m deploy.k8s.manifests --check
.venv/bin/python -m deploy.k8s.manifests --into "$rendered" >/dev/null || exit 1
step "Kubernetes' and other schemas" .deploy/bin/python tests/deploy/schemas.py "$rendered"/*.yaml
step "GPU slices" components mig
step "TLS" components tls
step "WebRTC" components webrtc
step "checkov" .deploy/bin/checkov --config-file tests/deploy/checkov.yaml --directory "$rendered"
step "hadolint" .venv/bin/hadolint services/*/Dockerfile
step "SBOMs" sboms
step "rules and dashboards against a real Prometheus" make --no-print-directory check-monitoring
step "Envoy, briefly" .venv/bin/python -m bench.capacity.envoy --short
step "the demo through the overlay" tests/deploy/demo.sh

if ((${#failed[@]})); then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
