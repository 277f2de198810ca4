#!/usr/bin/env bash
# grpcio 1.85.1: a server takes a certificate with a key of Ed25519, and no client of gRPC ever connects to it.
#
# Expected: ssl_server_credentials refuses a key that it cannot use, or a handshake with it works, as it does with OpenSSL: TLS 1.3
#           has Ed25519 among its signatures, and cert-manager offers it beside ECDSA and RSA.
# Instead:  the server starts; every handshake with a gRPC client ends with NO_COMMON_SIGNATURE_ALGORITHMS in the server's log, and
#           the client sees "Socket closed", as of a server that is not there.
# Matters:  whoever chooses Ed25519 for a mesh has one that is up, healthy to probes in plaintext, and reached by nobody.
# Seen:     when certificates of every kind were tried against our services, which refuse such a key by name now.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1

for algorithm in ed25519 rsa:2048; do
    openssl req -x509 -newkey "$algorithm" -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -keyout "$folder/$algorithm.key" -out "$folder/$algorithm.crt" 2>/dev/null
done

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import sys
from pathlib import Path

import grpc

FOLDER = Path(sys.argv[1])


async def status(algorithm):
    """How a call ends whose method the server does not have: UNIMPLEMENTED, where it gets there."""
    certificate, key = ((FOLDER / f"{algorithm}.{kind}").read_bytes() for kind in ("crt", "key"))
    server = grpc.aio.server()
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    await server.start()
    options = [("grpc.ssl_target_name_override", "localhost")]
    credentials = grpc.ssl_channel_credentials(certificate)
    try:
        async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options=options) as channel:
            await channel.unary_unary("/service/Method")(b"", timeout=10)
    except grpc.aio.AioRpcError as error:
        return error.code().name, error.details()
    finally:
        await server.stop(0)


found = {algorithm: asyncio.run(status(algorithm)) for algorithm in ("rsa:2048", "ed25519")}
for algorithm, (code, details) in found.items():
    print(f"{algorithm:9} {code}: {details}")
as_stated = found["rsa:2048"][0] == "UNIMPLEMENTED" and found["ed25519"][0] == "UNAVAILABLE"
sys.exit(0 if as_stated else 1)
PYTHON
