#!/usr/bin/env bash
# Makes the stubs and build/translate from Debian's packages, which it needs:
#     golang-go golang-google-grpc-dev golang-github-golang-protobuf-1-5-dev protoc-gen-go protoc-gen-go-grpc
# Nothing is downloaded: Debian's libraries are sources in /usr/share/gocode, where Go looks without modules. Name the third one:
# left to itself apt takes version 1.3 of it, with which a message of several alternatives panics when it is sent.
set -euo pipefail
cd "$(dirname "$0")"

root=$(cd ../.. && pwd)
buf=$root/.venv/bin/buf
[[ -x $buf ]] || buf=buf

rm -rf build
(cd "$root" && "$buf" generate --template examples/go/buf.gen.yaml)
export GO111MODULE=off GOFLAGS= GOPATH=$PWD/build:/usr/share/gocode
go build -o build/translate translate.go
