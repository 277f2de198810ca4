// One session by the bare rules of docs/protocol.md: it keeps the newest handle, says hello with it when the connection is lost,
// sends its audio again from where `ready` says, and drops what it has: results by segment number, speech by the voice's clock.
import { Ledger, now } from "./ledger.mjs";
import { Connection } from "./connection.mjs";
import { CHUNK_MS, RATE, chunk, isPause, samples, utterances } from "./speech.mjs";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
const PATIENCE_SECONDS = 60; // without any connection
const HEARTBEAT_MS = 1000;
const AGAIN = new Set(["UNAVAILABLE", "INTERNAL", "CANCELLED", "UNKNOWN", "RESOURCE_EXHAUSTED", "SILENT", "MOVED"]);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Session {
  constructor(options, speaker) {
    this.options = options;
    this.speaker = speaker;
    this.name = `node-${String(speaker).padStart(3, "0")}`;
    this.ledger = new Ledger(options.folder, this.name, speaker, options.targets);
    this.handle = "";
    this.position = 0; // samples sent on this connection's audio clock
    this.said = 0; // milliseconds of audio ever sent
    this.pings = new Set(); // not echoed yet
    this.stopping = false;
    this.finals = new Set(); // "lang segment", of transcripts " segment"
    this.revisions = new Map();
    this.voices = new Map(); // samples of speech by language
    this.ends = new Set();
    this.began = null;
    this.leaving = null; // when a go_away asks us to move
  }

  stop() {
    this.stopping = true;
  }

  ping(marker) {
    this.ledger.note("ping", { marker });
    this.pings.add(marker);
    this.connection?.write({ control: { action: "ping", marker } });
  }

  // Speaks until told to stop and hears everything out, over as many connections as it takes.
  async run() {
    let failures = 0;
    let since = now();
    for (let turn = this.speaker; !this.ends.has(""); turn += 1) {
      const address = this.options.addresses[turn % this.options.addresses.length];
      const outcome = await this.converse(address);
      if (this.ends.has("")) break;
      if (outcome.opened) [failures, since] = [0, now()];
      const hopeless = !AGAIN.has(outcome.code) || (this.began !== null && !this.handle);
      if (hopeless || now() - since > PATIENCE_SECONDS) {
        this.ledger.note("failed", { code: outcome.reason, message: outcome.message, retry_after_ms: 0 });
        break;
      }
      this.ledger.note("lost", { code: outcome.reason });
      const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
      if (outcome.code !== "MOVED") await sleep(longest * (0.5 + Math.random() / 2));
      failures += 1;
    }
    await this.ledger.close();
  }

  async converse(address) {
    const connection = new Connection(this.options.service, address, (kind, message) => this.receive(kind, message));
    this.ledger.note("connected", { address });
    this.leaving = null;
    const ready = await connection.hello(this.hello());
    if (ready) {
      this.connection = connection;
      this.open(ready);
      await this.speak(connection);
      await connection.over(); // the rest is read meanwhile
      this.connection = null;
    }
    connection.close();
    return { ...connection.outcome, opened: Boolean(ready) };
  }

  hello() {
    return {
      source_lang: "en",
      targets: this.options.targets.map((lang) => ({ lang })),
      partial_results: true,
      input: { format: "pcm16le", sample_rate: RATE },
      output: { format: "pcm16le", sample_rate: 8000 },
      stabilization: "STABILIZATION_FAST",
      endpointing: { trailing_silence_ms: 300 },
      heartbeat_ms: this.options.bare ? 0 : HEARTBEAT_MS,
      resume_handle: this.handle,
    };
  }

  open(ready) {
    this.ledger.got("ready", ready);
    if (this.began === null) this.began = now();
    this.position = this.handle ? samples(ready.resume_offset_ms) : 0;
    this.handle = ready.resume_handle || this.handle;
  }

  // Audio in real time, what is owed at once; then a half-close.
  async speak(connection) {
    const count = samples(CHUNK_MS);
    let first = true;
    while (!connection.ended) {
      const ms = (this.position * 1000) / RATE;
      if (this.stopping && ms >= this.said && isPause(ms)) {
        connection.halfClose();
        return;
      }
      const due = this.began + (this.position + count) / RATE;
      if (due > now()) {
        if (first) for (const marker of this.pings) connection.write({ control: { action: "ping", marker } });
        first = false;
        await sleep(Math.max(1, (due - now()) * 1000));
        if (this.leaving !== null && now() > this.leaving) connection.leave("MOVED");
        if (connection.silentFor() > 3 * HEARTBEAT_MS && !this.options.bare) connection.leave("SILENT");
        continue;
      }
      await this.send(connection, ms, count);
    }
  }

  async send(connection, ms, count) {
    const data = chunk(this.speaker, this.position, count);
    this.ledger.note("audio", { offset_ms: ms, ms: CHUNK_MS });
    await connection.write({ audio: { data, offset_samples: this.position } });
    this.position += count;
    if (ms + CHUNK_MS <= this.said) return; // a repeat
    for (const each of utterances(this.speaker, this.said, ms + CHUNK_MS)) this.ledger.note("utterance", each);
    this.said = ms + CHUNK_MS;
  }

  receive(kind, message) {
    if (kind === "error" && message.fatal) return; // the status says the same, and run() what becomes of it
    const more = this.kept(kind, message);
    this.ledger.got(kind, message, more);
    if (kind === "ack" && message.resume_handle) this.handle = message.resume_handle;
    if (kind === "ack" && this.leaving !== null) this.leaving = now();
    if (kind === "go_away") {
      this.handle = message.resume_handle || this.handle;
      this.leaving = now() + message.time_left_ms / 2000;
    }
    if (kind === "marker") this.pings.delete(message.marker);
    if (kind === "end") this.ends.add(message.target_lang);
  }

  // What the reader gets of a message: {} for all, { dropped } for nothing, else what is different.
  kept(kind, message) {
    if (kind === "asr") return this.result(message, "");
    if (kind === "translation") return this.result(message, message.target_lang);
    if (kind === "tts") return this.speech(message);
    if (kind === "end" && this.ends.has(message.target_lang)) return { dropped: true };
    return {};
  }

  result(message, lang) {
    const key = `${lang} ${message.segment_id}`;
    if (this.finals.has(key)) return { dropped: true };
    if (message.final) this.finals.add(key);
    else if (message.revision <= (this.revisions.get(key) ?? 0)) return { dropped: true };
    this.revisions.set(key, message.revision);
    return {};
  }

  speech(message) {
    const had = this.voices.get(message.target_lang) ?? 0;
    const size = message.data.length / 2;
    const exact = (message.offset_ms * message.sample_rate) / 1000;
    const start = Math.abs(exact - had) <= message.sample_rate / 1000 ? had : exact; // offsets are whole milliseconds
    if (start + size <= had) return { dropped: true };
    this.voices.set(message.target_lang, start + size);
    if (start >= had) return {};
    const skipped = had - start;
    const offset_ms = Math.floor((had * 1000) / message.sample_rate);
    return { skipped_bytes: 2 * skipped, data_bytes: 2 * (size - skipped), offset_ms };
  }
}
