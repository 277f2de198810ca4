// Translates a WAV file (16 bits, mono) as if it were spoken now: captions on the terminal, speech into LANG.wav.
//
//   node translate.mjs --from en --to es,pt --server localhost:7700 talk.wav
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const CHUNK_MS = 100;
const PROTOS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../protos");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    from: { type: "string", default: "en" },
    to: { type: "string", default: "es" },
    server: { type: "string", default: "localhost:7700" },
    out: { type: "string", default: "." },
    speed: { type: "string", default: "1" }, // times real time; 0 for as fast as the server takes it
  },
});

// The samples of a RIFF/WAVE file and their rate. Chunks other than "fmt " and "data" are passed over.
function readWave(file) {
  const bytes = fs.readFileSync(file);
  let rate = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [name, size] = [bytes.toString("latin1", at, at + 4), bytes.readUInt32LE(at + 4)];
    if (name === "fmt ") {
      const [format, channels, bits] = [bytes.readUInt16LE(at + 8), bytes.readUInt16LE(at + 10), bytes.readUInt16LE(at + 22)];
      if (format !== 1 || channels !== 1 || bits !== 16) throw new Error(`${file} is not PCM of 16 bits, mono.`);
      rate = bytes.readUInt32LE(at + 12);
    }
    if (name === "data") return { rate, pcm: bytes.subarray(at + 8, at + 8 + size) };
    at += 8 + size + (size % 2);
  }
  throw new Error(`${file} is no WAV file.`);
}

function writeWave(file, rate, pcm) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + pcm.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16); // length of what follows up to "data"
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // channel
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(2 * rate, 28); // bytes a second
  head.writeUInt16LE(2, 32); // bytes a sample
  head.writeUInt16LE(16, 34); // bits a sample
  head.write("data", 36);
  head.writeUInt32LE(pcm.length, 40);
  fs.writeFileSync(file, Buffer.concat([head, pcm]));
}

const { rate, pcm } = readWave(positionals[0]);
const shape = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [PROTOS] };
const definition = loader.loadSync("realtime/v1/realtime_translate.proto", shape);
const { RealtimeTranslate } = grpc.loadPackageDefinition(definition).realtime.v1;
const client = new RealtimeTranslate(values.server, grpc.credentials.createInsecure());
const call = client.Stream();

const speech = new Map(); // chunks by language
let speechRate = 24_000;
let failed = false;
let opened;
const ready = new Promise((resolve) => {
  opened = resolve;
});
const ended = new Promise((resolve) => call.on("status", resolve));
call.on("error", () => {}); // the status says the same
call.on("data", (message) => {
  if (message.payload === "ready") opened();
  if (message.payload === "translation" && message.translation.final) {
    console.log(`${message.translation.target_lang}\t${message.translation.text}`);
  }
  if (message.payload === "tts") {
    const { target_lang, data, sample_rate } = message.tts;
    speech.set(target_lang, [...(speech.get(target_lang) ?? []), data]);
    speechRate = sample_rate;
  }
  if (message.payload === "error") {
    console.error(`${message.error.code}: ${message.error.message}`);
    failed ||= message.error.fatal;
    if (message.error.fatal) call.end();
  }
});

call.write({
  hello: {
    source_lang: values.from,
    targets: values.to.split(",").map((lang) => ({ lang })),
    input: { format: "pcm16le", sample_rate: rate },
  },
});
await Promise.race([ready, ended]); // a refusal comes before any audio is sent

const size = 2 * Math.round((rate * CHUNK_MS) / 1000);
const began = performance.now();
for (let at = 0; at < pcm.length && !failed; at += size) {
  const due = Number(values.speed) ? began + (at / 2 / rate / Number(values.speed)) * 1000 : 0;
  await sleep(Math.max(0, due - performance.now()));
  // The server stops reading when it has taken in enough: waiting here is what keeps the client from piling up audio.
  if (!call.write({ audio: { data: pcm.subarray(at, at + size) } })) {
    await Promise.race([new Promise((resolve) => call.once("drain", resolve)), ended]);
  }
}
call.end();

const status = await ended;
for (const [lang, chunks] of speech) writeWave(path.join(values.out, `${lang}.wav`), speechRate, Buffer.concat(chunks));
if (status.code !== grpc.status.OK && !failed) console.error(`${grpc.status[status.code]}: ${status.details}`);
client.close();
process.exitCode = status.code === grpc.status.OK && !failed ? 0 : 1;
