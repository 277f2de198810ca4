// Translates a WAV file (16 bits, mono) over the edge's WebSocket as if it were spoken now:
//   node examples/node/realtime.mjs --to es,pt [--from en] [--url ws://127.0.0.1:7780/v1/realtime] talk.wav
// It takes the client that the edge's own page takes. Node 22 has a WebSocket of its own; older ones need the package ws.

import {readFileSync} from "node:fs";
import {parseArgs} from "node:util";
import {Session} from "../../services/edge/page/babelmesh.js";

const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {
    from: {type: "string", default: "en"},
    to: {type: "string", default: "es"},
    url: {type: "string", default: "ws://127.0.0.1:7780/v1/realtime"},
  },
});
const wav = readFileSync(positionals[0]);
const rate = wav.readUInt32LE(24);
const pcm = wav.subarray(wav.indexOf("data", 12, "latin1") + 8);
const targets = values.to.split(",").map((lang) => ({lang, delivery: "captions"}));
const WebSocket = globalThis.WebSocket ?? (await import("ws")).default;

const asked = {source_lang: values.from, targets, input: {format: "pcm16le", sample_rate: rate}};
const session = new Session(values.url, asked, {WebSocket});
session.on("final_asr", ({lang, text}) => console.log(`${lang}: ${text}`));
session.on("final_translation", ({target_lang, text}) => console.log(`${target_lang}: ${text}`));
session.on("connection", ({state}) => console.error(state));

await session.ready;
const chunk = Math.round(rate / 10) * 2;
const began = performance.now();
for (let at = 0; at < pcm.length; at += chunk) {
  const wait = began + (at / chunk) * 100 - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  await session.sendAudio(pcm.subarray(at, at + chunk));
}
await session.end();
