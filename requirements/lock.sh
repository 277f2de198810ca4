#!/usr/bin/env bash
# Pins requirements/*.txt anew from pyproject.toml and server/pyproject.toml: `make lock` runs it in the repository's root.
# What is pinned stays as it is where it can, so one package is moved by changing its line in lock.txt first.
# Usage: lock.sh UV, the program.
set -euo pipefail

uv=$1
made=$(mktemp --directory)
trap 'rm -rf "$made"' EXIT

pin() { # SOURCES AND OPTIONS ... -o FILE
    "$uv" pip compile --universal --python-version 3.11 --quiet --no-emit-index-url --no-emit-find-links \
        --no-annotate --no-header --no-emit-package babelmesh "$@"
}

names() { # FILE: the packages of a list, without their versions
    sed -n 's/^\([A-Za-z0-9][A-Za-z0-9._-]*\).*/\1/p' "$1" | sort -u
}

# The environment that lints, tests and measures: both distributions, with every extra that needs no GPU.
cp requirements/lock.txt "$made/tested.txt"
pin pyproject.toml server/pyproject.toml --generate-hashes --group dev --extra cli --extra edge --extra rooms --extra webrtc \
    --extra s3 --extra embedded --extra onnx --extra sherpa --extra ctranslate2 --extra riva --extra models --extra telemetry \
    --extra kubernetes --extra quotas -o "$made/tested.txt"
# The same engines on CUDA: onnxruntime-gpu has the modules of onnxruntime, and brings the libraries of CUDA and cuDNN.
cp requirements/lock.txt "$made/gpu.txt"
pin server/pyproject.toml --generate-hashes --constraints "$made/tested.txt" --overrides requirements/images/gpu-overrides.txt \
    --extra telemetry --extra vad --extra onnx --extra cuda -o "$made/gpu.txt"

names "$made/tested.txt" >requirements/dev.txt
names "$made/gpu.txt" >requirements/images/onnx-gpu.txt
# One lock: what is tested, and what CUDA adds to it.
comm -13 requirements/dev.txt requirements/images/onnx-gpu.txt >"$made/added.txt"
python3 - "$made" <<'PYTHON'
import runpy
import sys
from pathlib import Path

made = Path(sys.argv[1])
part = runpy.run_path("requirements/part.py")["part"]
added = part((made / "gpu.txt").read_text(), (made / "added.txt").read_text().split())
Path("requirements/lock.txt").write_text((made / "tested.txt").read_text() + "".join(added))
PYTHON

# What each image installs of it, by name.
image() { # NAME EXTRAS...
    local name=$1
    shift
    pin server/pyproject.toml --constraints requirements/lock.txt --extra telemetry "$@" -o "$made/$name.txt"
    names "$made/$name.txt" >"requirements/images/$name.txt"
}
image gateway --extra kubernetes --extra quotas --extra s3
image edge --extra edge --extra rooms --extra webrtc
image embedded
image asr-embedded --extra embedded
image default --extra embedded --extra ctranslate2
image onnx --extra vad --extra onnx
image sherpa --extra vad --extra sherpa
image riva --extra vad --extra riva
python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
    | pin - --constraints requirements/lock.txt -o "$made/build.txt"
names "$made/build.txt" >requirements/images/build.txt

# Environments of their own, which no image has.
pin pyproject.toml server/pyproject.toml --generate-hashes \
    --constraints <(sed -n 's/^\([a-z].*\) \\$/\1/p' "$made/tested.txt" | grep -vE '^(huggingface-hub|tokenizers)==') \
    --extra cli --extra onnx --extra telemetry --group bench --group parity -o requirements/parity.txt
pin --generate-hashes --group deploy -o requirements/deploy.txt
pin --generate-hashes --constraints requirements/lock.txt --group site -o requirements/site.txt
pin --generate-hashes --constraints <(sed -n 's/^\([a-z].*\) \\$/\1/p' "$made/tested.txt" | grep -v '^certifi==') --group edges -o requirements/edges.txt
