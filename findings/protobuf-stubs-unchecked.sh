#!/usr/bin/env bash
# mypy-protobuf 5.1.0: strict mypy checks nothing of generated messages where types-protobuf is not installed, and is silent.
#
# Expected: stubs that a package ships (`*_pb2.pyi`, with py.typed) are checked as they are, or their user is told what is missing.
# Instead:  the messages' base class is google.protobuf's, which has no types of its own. It becomes Any, so a misspelt field
#           of an installed package passes `mypy --strict` without a word. With types-protobuf it is an error.
# Matters:  a client of a streaming contract is used through its messages. Whoever ships such stubs has to depend on
#           types-protobuf as well, or its users' checks are worth nothing where they matter.
# Seen:     grpcio-tools 1.85.1, mypy 2.4.1.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
bin="$folder/venv/bin"
"$bin/pip" install --quiet --disable-pip-version-check grpcio-tools==1.85.1 mypy==2.4.1 mypy-protobuf==5.1.0
"$bin/pip" uninstall --quiet --yes types-protobuf # comes with mypy-protobuf, which a user of the stubs does not have

packages=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir "$packages/spoken" "$folder/user"
touch "$packages/spoken/__init__.py" "$packages/spoken/py.typed"
cat >"$folder/segment.proto" <<'PROTO'
syntax = "proto3";
message Segment { string text = 1; }
PROTO
PATH="$bin:$PATH" "$bin/python" -m grpc_tools.protoc --proto_path="$folder" --python_out="$packages/spoken" \
    --mypy_out="quiet:$packages/spoken" segment.proto
printf 'from spoken.segment_pb2 import Segment\n\nprint(Segment().txt)\n' >"$folder/user/program.py"

cd "$folder/user"
without=$("$bin/mypy" --strict program.py || true)
"$bin/pip" install --quiet --disable-pip-version-check types-protobuf==7.35.1.20260906
with=$("$bin/mypy" --strict program.py || true)
echo "without types-protobuf: $without"
echo "with types-protobuf:    $with"
[[ $without == Success:* && $with == *'has no attribute "txt"'* ]] || { echo "The finding has changed." >&2; exit 1; }
