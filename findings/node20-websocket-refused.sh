#!/usr/bin/env bash
# Node 20.20's own WebSocket (--experimental-websocket, undici): where nobody listens it fires "error" and never "close".
#
# Expected: as in browsers and by the WHATWG standard (websockets.spec.whatwg.org, "fail the WebSocket connection"): "error", then
#           "close" with code 1006, and readyState 3.
# Instead:  "error" alone; readyState stays 0, CONNECTING.
# Matters:  a live client that opens its next connection on "close", as clients for browsers do, waits for good once its server is
#           away for a moment; and with no timer left Node ends without a word.
# Seen:     when edges were killed under fifty sessions of the page's module. Documentation: https://nodejs.org/docs/latest-v20.x/api/globals.html
#
# Exit status: 0 when all is as stated, another when it has changed. Needs Node 20.
set -euo pipefail

node --version | grep -q '^v20\.' || { echo "Node is not of version 20." >&2; exit 2; }
seen=$(node --experimental-websocket --no-warnings -e '
const socket = new WebSocket("ws://127.0.0.1:9/");
const told = [];
socket.onerror = () => told.push("error");
socket.onclose = () => told.push("close");
setTimeout(() => console.log(told.join(" "), socket.readyState), 2000);
')
echo "events and readyState after two seconds: $seen"
[[ $seen == "error 0" ]] || { echo "The finding has changed." >&2; exit 1; }
