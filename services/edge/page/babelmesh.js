// A client of Babelmesh's WebSocket for browsers and Node, without dependencies: speech or text in, events out.
//
//   const session = new Session("wss://example.org/v1/realtime", {source_lang: "en", targets: [{lang: "es"}]});
//   session.on("final_translation", (event) => console.log(event.text));
//   await session.ready;
//   session.sendText("Good morning.");
//   await session.end();
//
// A connection that is lost is resumed in another one, as often as it takes: what was sent and has not come back is
// kept and sent again, what came is told to the server, and no event comes twice.

/** @typedef {{type: string, [name: string]: any}} Event */
/** @typedef {{lang: string, delivery?: string, voice?: string, formality?: string, max_lag_ms?: number}} Target */
/**
 * @typedef {object} Asked What a session asks for; docs/edge.md lists all that `hello.session` takes.
 * @property {string} source_lang Language spoken or typed (BCP-47).
 * @property {Target[]} targets Languages to translate into.
 * @property {{format: string, sample_rate: number} | null} [input] Format of the audio that is sent; null for typed text alone, which needs no recognizer.
 * @property {{format: string, sample_rate: number}} [output] Format of the speech that comes.
 * @property {Record<string, string>} [dictionary] Terms and their required translations.
 */
/** @typedef {{token?: string, WebSocket?: any}} Options */
/** @typedef {{kind: string, message: any, place: number, end: number, typed: number, finals: number, name: string}} Entry */

const VERSION = "2026-05-01";
const MARKER = "babelmesh.v1";
const FEATURES = ["partial_results", "vad", "latency", "binary_audio"];
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5000;
const STAY_MS = 15000;
const ERROR_MS = 500;
const MOST_SECONDS = 120; // of audio that is kept; of more, the oldest is reported as missing should it be needed
const MOST_SEGMENTS = 500; // of typed text that are told when resuming
const ROOM_BYTES = 256 * 1024; // that may wait in the browser before `sendAudio` waits
const STEADY_MS = 15000; // of a connection: one that lasts longer did not end over what it began with
const MOST_DEATHS = 2; // of servers in a row over the same input, after which it is left out
const HOPELESS = new Set([4000, 4001, 4003, 4009, 4013, 4501]); // close codes that another try does not change
const INPUT = new Set(["audio", "text", "set_target_lang", "set_dictionary"]);
const SETTING = new Set(["set_target_lang", "set_dictionary", "pause", "resume"]);

/** One session, over as many connections as it takes. Its `ready` and `done` are promises. */
export class Session {
  /**
   * @param {string | string[]} url Address of the WebSocket, `ws://` or `wss://`; of several, a lost one is followed by the next.
   * @param {Asked} asked
   * @param {Options} [options]
   */
  constructor(url, asked, options = {}) {
    this.urls = [url].flat();
    this.turn = 0;
    this.input = asked.input === undefined ? {format: "pcm16le", sample_rate: 16000} : asked.input;
    this.state = "connecting"; // connecting, open, ending, done, failed
    this.handlers = new Map();
    this.options = options;
    this.hello = {type: "hello", version: VERSION, session: {features: FEATURES, ...asked, input: this.input}};
    this.log = new Log(this.input, this.hello.session);
    this.received = new Received(asked.targets.length);
    this.deaths = new Deaths();
    this.handle = "";
    this.delay = FIRST_DELAY_MS;
    this.leaving = false;
    /** @type {Promise<Event>} */
    this.ready = new Promise((resolve, reject) => Object.assign(this, {opened: resolve, refused: reject}));
    this.done = new Promise((resolve, reject) => Object.assign(this, {ended: resolve, failed: reject}));
    this.ready.catch(() => {});
    this.done.catch(() => {});
    this.connect();
  }

  /** Call a function with each event of a type; "*" for all. "connection" tells of losses and resumptions. */
  on(type, handler) {
    this.handlers.set(type, [...(this.handlers.get(type) ?? []), handler]);
    return this;
  }

  /** Send samples: bytes of the input's format. Waits while too much waits to be sent. */
  async sendAudio(samples) {
    const bytes = samples instanceof Uint8Array ? samples : new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    this.put("audio", bytes.slice());
    while (this.socket?.bufferedAmount > ROOM_BYTES) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Send text; `final` ends its segment. */
  sendText(text, final = true) {
    this.put("text", {type: "input_text", text, final});
  }

  /** End the open segment here. */
  commit() {
    this.control({action: "commit"});
  }

  /** Announce that no audio comes until `resume`. */
  pause() {
    this.control({action: "pause"});
  }

  /** End a pause. */
  resume() {
    this.control({action: "resume"});
  }

  /** Translate into these languages from now on, instead of those before. */
  setTargets(targets) {
    this.received.langs = new Set();
    this.control({action: "set_target_lang", targets});
  }

  /** Use these terms from now on, instead of those before. */
  setDictionary(dictionary) {
    this.control({action: "set_dictionary", dictionary});
  }

  /** Drop speech that has not been sent yet. */
  interrupt() {
    this.control({action: "interrupt"});
  }

  /** Tell how far a voice was played: speech far ahead of that waits at the server, where it can still be skipped. */
  played(target_lang, offset_ms) {
    if (this.talking && this.socket.readyState === 1) this.socket.send(JSON.stringify({type: "played", target_lang, offset_ms: Math.round(offset_ms)}));
  }

  /** Say that nothing more is sent; resolves when all of it has come back. */
  end() {
    if (this.state === "done" || this.state === "failed") return this.done;
    this.state = this.state === "open" ? "ending" : this.state;
    this.control({action: "end"});
    return this.done;
  }

  /** Leave at once. */
  close() {
    this.finish("done");
    this.socket?.close(1000);
  }

  control(message) {
    this.put(message.action, {type: "control", ...message});
  }

  put(kind, message) {
    const entry = this.log.add(kind, message, this.received.finals);
    if (this.talking) this.write(entry);
  }

  write(entry) {
    if (this.socket?.readyState !== 1) return;
    if (entry.kind !== "audio") return this.socket.send(JSON.stringify(entry.message));
    if (entry.place === this.place) this.socket.send(entry.message);
    else this.socket.send(JSON.stringify({type: "input_audio", data: base64(entry.message), offset_samples: entry.place}));
    this.place = entry.end;
  }

  connect() {
    const Socket = this.options.WebSocket ?? globalThis.WebSocket;
    const protocols = this.options.token ? [MARKER, `babelmesh.bearer.${base64url(this.options.token)}`] : [MARKER];
    const socket = new Socket(this.urls[this.turn % this.urls.length], protocols);
    this.socket = socket;
    this.talking = false;
    this.speech = null;
    this.fault = null;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify(this.greeting()));
    socket.onmessage = ({data}) => socket === this.socket && this.take(data);
    let over = false;
    const lose = (code) => {
      if (over || socket !== this.socket) return;
      over = true;
      this.closed(code);
    };
    socket.onclose = ({code}) => lose(code);
    socket.onerror = () => setTimeout(() => lose(1006), ERROR_MS); // a close follows, but in Node 20 where nobody listens
    clearInterval(this.staying);
    this.staying = setInterval(() => this.talking && socket.readyState === 1 && socket.send('{"type":"keepalive"}'), STAY_MS);
    this.staying.unref?.();
  }

  greeting() {
    if (!this.handle) return this.hello;
    const clock = this.startedAt ? Date.now() - this.startedAt : 0;
    const received = this.received.report(this.log.knownFinals(), this.id, clock);
    const deaths = this.deaths.now.deaths ? {deaths: this.deaths.now.deaths, lost_server: this.deaths.server} : {};
    return {...this.hello, session: this.log.session, resume_handle: this.handle, received, ...deaths};
  }

  take(data) {
    if (typeof data !== "string") {
      const event = this.speech;
      this.speech = null;
      if (event) this.tell({...event, data: new Uint8Array(data)});
      return;
    }
    const event = JSON.parse(data);
    if (event.type === "tts_audio" && "bytes" in event) this.speech = event;
    else this.tell(event);
  }

  tell(event) {
    if (event.type === "ready") this.begin(event);
    if (event.resume_handle !== undefined) this.handle = event.resume_handle || this.handle;
    if (event.type === "error" && event.fatal) this.fault = event;
    if (["ack", "partial_asr", "final_asr", "speech_started", "speech_ended"].includes(event.type)) this.deaths.bore("audio");
    if (event.type === "go_away") this.moving = setTimeout(() => this.move(), event.time_left_ms / 2);
    const news = this.received.take(event);
    if (event.type === "ack") this.log.acknowledged(event.audio_ms);
    this.log.concluded(this.received);
    if (event.type === "ack" && this.moving) this.move();
    if (news) this.emit(event.type, event);
    if (event.type === "end_of_session") this.finish("done");
  }

  begin(event) {
    const again = this.id !== undefined;
    this.id = event.session_id;
    this.limits = event.limits;
    this.delay = FIRST_DELAY_MS;
    this.startedAt ??= Date.now();
    if (!again) this.received.langs = new Set(event.session.targets.map((each) => each.lang));
    this.state = this.state === "connecting" ? "open" : this.state;
    const gone = this.log.leaveOut(this.deaths.resumed(event.server ?? "", Date.now()));
    this.place = again ? null : 0; // on the session's audio clock, where the next audio is if it says nothing else
    for (const entry of this.log.after(event.resume_offset_ms ?? 0)) this.write(entry);
    this.talking = true;
    this.opened(event);
    this.emit("connection", {type: "connection", state: again ? "resumed" : "open"});
    for (const {kind, message, place, end} of gone) {
      const what = kind === "audio" ? {from_ms: this.log.milliseconds(place), to_ms: this.log.milliseconds(end)} : {text: message.text};
      this.emit("left_out", {type: "left_out", kind, ...what});
    }
  }

  /** Go on in another connection: the server stops. */
  move() {
    clearTimeout(this.moving);
    this.moving = null;
    const before = this.socket;
    before.onclose = null;
    before.close(1000);
    this.connect();
  }

  closed(code) {
    clearInterval(this.staying);
    if (this.talking && (!this.fault || this.fault.code === "GATEWAY_UNAVAILABLE")) {
      this.deaths.lost(new Set([...this.log.inWork(), ...[...this.received.segments.keys()].map((id) => `segment ${id}`)]), Date.now());
    }
    this.talking = false;
    if (this.state === "done" || this.state === "failed") return;
    const full = code === 4029 || code === 4008;
    if (HOPELESS.has(code) || (this.fault && !this.fault.retry_after_ms && code !== 4014 && !this.handle)) {
      this.finish("failed", this.fault ?? {type: "error", code: "CLOSED", message: `closed with ${code}`, fatal: true});
      return;
    }
    this.turn += 1;
    const wait = Math.max(full ? this.fault?.retry_after_ms ?? 0 : 0, this.delay * (0.5 + Math.random() / 2));
    this.delay = Math.min(2 * this.delay, LONGEST_DELAY_MS);
    this.emit("connection", {type: "connection", state: "lost", retry_ms: Math.round(wait)});
    setTimeout(() => this.state !== "done" && this.connect(), wait);
  }

  finish(state, fault) {
    this.state = state;
    clearInterval(this.staying);
    if (state === "failed") {
      this.refused(fault);
      this.failed(fault);
      this.emit("failed", fault);
    } else {
      this.ended();
      this.emit("done", {type: "done"});
    }
  }

  emit(type, event) {
    for (const handler of this.handlers.get(type) ?? []) handler(event);
    for (const handler of this.handlers.get("*") ?? []) handler(event);
  }
}

/** Which input servers end over: another one that is sent the same, and goes away without a word soon, proves it. */
class Deaths {
  constructor() {
    this.server = ""; // as it names itself
    this.since = 0;
    this.now = this.before = {deaths: 0, input: new Set()};
  }

  /** A server was lost without a word, with this input in work. */
  lost(inWork, at) {
    this.before = this.now;
    const common = new Set(at - this.since < STEADY_MS ? [...this.now.input].filter((each) => inWork.has(each)) : []);
    this.now = {deaths: common.size ? this.now.deaths + 1 : Number(inWork.size > 0), input: common.size ? common : inWork};
  }

  /** Input of a kind was processed without an end: it is suspected no more. */
  bore(kind) {
    this.now = {...this.now, input: new Set([...this.now.input].filter((each) => !each.startsWith(kind)))};
  }

  /** Another server took over; returns the input to leave out. One that is there again had not ended. */
  resumed(server, at) {
    if (!server || !this.server || server === this.server) this.now = this.before;
    this.server = server;
    this.since = at;
    if (this.now.deaths < MOST_DEATHS) return new Set();
    const fatal = this.now.input;
    this.now = {deaths: 0, input: new Set()};
    return fatal;
  }
}

/** What was sent, as long as it may have to be sent again. */
class Log {
  constructor(input, session) {
    this.width = {pcm16le: 2, mulaw: 1}[input?.format] ?? 0;
    this.rate = input?.sample_rate ?? 16000;
    this.session = session; // as it was in force where the log begins
    /** @type {Entry[]} */
    this.entries = [];
    this.now = 0;
    this.count = 0;
    this.typed = 0; // segments of typed text that were closed
    this.open = "";
  }

  samples(milliseconds) {
    return Math.round((milliseconds * this.rate) / 1000);
  }

  milliseconds(samples) {
    return Math.round((1000 * samples) / this.rate);
  }

  add(kind, message, finals) {
    const place = this.now;
    if (kind === "audio" && this.width) this.now += Math.floor(message.length / this.width);
    const entry = {kind, message, place, end: this.now, typed: this.typed, finals, name: `${kind} ${(this.count += 1)}`};
    this.type(entry);
    this.entries.push(entry);
    const audio = this.entries.find((each) => each.kind === "audio");
    if (audio && this.now - audio.place > MOST_SECONDS * this.rate) this.entries.splice(this.entries.indexOf(audio), 1);
    return entry;
  }

  /** Count an entry's part in the segments of typed text. */
  type({kind, message}) {
    if (kind === "text") this.open += message.text;
    const closes = kind === "text" ? message.final : ["commit", "pause", "end"].includes(kind);
    if (closes && this.open.trim()) this.typed += 1;
    if (closes) this.open = "";
  }

  /** Names of the input that a server may end over. */
  inWork() {
    return this.entries.filter((each) => INPUT.has(each.kind)).map((each) => each.name);
  }

  /** Forget entries for good, and return them: the segments that are left have other numbers. */
  leaveOut(names) {
    const gone = this.entries.filter((each) => names.has(each.name));
    if (!gone.length) return gone;
    Object.assign(this, {typed: this.entries[0].typed, open: ""});
    this.entries = this.entries.filter((each) => !names.has(each.name));
    for (const entry of this.entries) {
      entry.typed = this.typed;
      this.type(entry);
    }
    return gone;
  }

  /** What is to be sent again, of audio what lies behind an offset. */
  after(milliseconds) {
    const from = this.samples(milliseconds);
    return this.entries.filter((each) => each.kind !== "audio" || each.end > from);
  }

  /** The last segment to tell of: a change of targets that is sent again comes behind what was final before it. */
  knownFinals() {
    return this.entries.find((each) => each.kind === "set_target_lang")?.finals ?? Infinity;
  }

  acknowledged(milliseconds) {
    const to = this.samples(milliseconds);
    const past = (each) => {
      if (each.kind === "audio") return each.end <= to;
      if (each.kind === "text" || each.kind === "end") return false;
      return each.kind === "commit" ? each.place <= to : each.place < to;
    };
    for (const each of this.entries.filter((each) => past(each) && SETTING.has(each.kind))) this.set(each.message);
    this.entries = this.entries.filter((each) => !past(each));
  }

  /** Drop what final transcripts cover. */
  concluded(received) {
    const heard = this.samples(received.coveredMs);
    this.entries = this.entries.filter((each) => {
      if (each.kind === "audio") return each.end > heard || !this.width;
      return each.kind !== "text" || each.typed >= received.coveredTyped;
    });
  }

  set(control) {
    const {dictionary, targets} = control;
    if (targets) this.session = {...this.session, targets};
    if (dictionary) this.session = {...this.session, dictionary};
  }
}

/** What came of a session: what of an event is new, and what a server that takes over is told. */
class Received {
  constructor() {
    this.langs = new Set(); // of the targets; none where they have changed
    this.segments = new Map();
    this.voices = new Map();
    this.delivered = 0; // the handle is surely behind this segment
    this.finals = 0; // the last segment up to which all final transcripts came
    this.coveredMs = 0; // audio before it is in a final transcript
    this.coveredTyped = 0; // segments of typed text that have theirs
    this.endedTargets = new Set();
  }

  segment(id) {
    if (!this.segments.has(id)) this.segments.set(id, {transcript: null, origin: undefined, langs: new Map()});
    return this.segments.get(id);
  }

  inLang(id, lang) {
    const {langs} = this.segment(id);
    if (!langs.has(lang)) langs.set(lang, {result: null, spoken: [], speaking: "", speakingSamples: 0, samples: 0, accounted: false});
    return langs.get(lang);
  }

  /** Record an event; returns whether it is new. */
  take(event) {
    const {segment_id: id, target_lang: lang} = event;
    if (id !== undefined && id <= this.delivered && event.type !== "tts_audio") return event.type === "error";
    switch (event.type) {
      case "partial_asr":
      case "final_asr":
        return this.transcribed(event);
      case "partial_translation":
      case "final_translation": {
        const known = this.inLang(id, lang);
        this.segment(id).origin ??= event.origin;
        if (!newer(event, known.result)) return false;
        known.result = event;
        this.endedTargets.delete(lang);
        return true;
      }
      case "latency": {
        const known = this.inLang(id, lang);
        const news = !known.accounted;
        known.accounted = true;
        return news;
      }
      case "tts_audio":
        return this.spoke(event);
      case "voice_skipped":
        this.inLang(id, lang).spoken.push(event.text);
        return true;
      case "voice_started":
      case "voice_ended":
        this.voice(lang).speaking = event.type === "voice_started";
        return true;
      case "flow":
        for (const each of event.degraded ?? []) if (each.text) this.inLang(each.segment_id, each.target_lang).spoken.push(each.text);
        return true;
      case "end_of_target": {
        const news = !this.endedTargets.has(lang);
        this.endedTargets.add(lang);
        return news;
      }
      case "ack":
        this.acknowledged(event);
        return true;
    }
    return true;
  }

  transcribed(event) {
    const segment = this.segment(event.segment_id);
    if (!newer(event, segment.transcript)) return false;
    segment.transcript = event;
    for (let next; (next = this.segments.get(this.finals + 1)?.transcript)?.type === "final_asr"; ) {
      this.finals += 1;
      if (next.origin === "typed") this.coveredTyped += 1;
      else this.coveredMs = Math.max(this.coveredMs, next.end_ms);
    }
    return true;
  }

  voice(lang) {
    if (!this.voices.has(lang)) this.voices.set(lang, {samples: 0, speaking: false});
    return this.voices.get(lang);
  }

  spoke(event) {
    const voice = this.voice(event.target_lang);
    const samples = event.samples ?? (event.format === "opus" ? 0 : event.data.length / 2);
    if (samples && event.offset_ms + (1000 * samples) / event.sample_rate <= (1000 * voice.samples) / event.sample_rate - 1) return false;
    voice.samples += samples;
    if (event.segment_id <= this.delivered) return true;
    const said = this.inLang(event.segment_id, event.target_lang);
    if (event.text) {
      if (said.speaking) said.spoken.push(said.speaking);
      Object.assign(said, {speaking: event.text, speakingSamples: 0});
    }
    said.samples += samples;
    said.speakingSamples += samples;
    if (event.last) {
      if (said.speaking) said.spoken.push(said.speaking);
      Object.assign(said, {speaking: "", speakingSamples: 0});
    }
    return true;
  }

  acknowledged({audio_ms: offset, resume_handle: handle}) {
    this.coveredMs = Math.max(this.coveredMs, offset);
    if (!handle) return;
    for (let next; (next = this.segments.get(this.delivered + 1))?.transcript?.type === "final_asr"; ) {
      const accounted = [...this.langs].every((lang) => next.langs.get(lang)?.accounted);
      const whole = this.langs.size ? accounted : this.segments.size > MOST_SEGMENTS;
      if (!(next.transcript.start_ms < offset || whole)) break;
      this.delivered += 1;
      this.segments.delete(this.delivered);
    }
  }

  report(upTo, session_id, clock_ms) {
    const segments = [];
    const told = new Set();
    for (let id = this.delivered + 1; id <= Math.max(upTo, this.delivered) && this.segments.has(id); id += 1) {
      const segment = this.segments.get(id);
      segments.push(reported(id, segment));
      told.add(id);
      if (segment.transcript?.type !== "final_asr") break;
    }
    const voices = [...this.voices].map(([target_lang, {samples, speaking}]) => {
      const untold = [...this.segments].filter(([id]) => !told.has(id)).map(([, each]) => each.langs.get(target_lang)?.samples ?? 0);
      return {target_lang, samples: samples - untold.reduce((sum, each) => sum + each, 0), speaking};
    });
    return {session_id, clock_ms, segments, voices};
  }
}

/** Whether a result brings something new after the one before it, and takes nothing concluded back. */
function newer(event, known) {
  if (!known) return true;
  if (known.type.startsWith("final")) return false;
  if (event.type.startsWith("final")) return true;
  const concluded = [...known.text].slice(0, known.stable_length).join("");
  return event.revision > known.revision && event.text.startsWith(concluded);
}

function reported(segment_id, {transcript, origin, langs}) {
  const told = transcript ?? {segment_id, ...(origin ? {origin} : {})};
  const names = ["text", "segment_id", "revision", "stable_length", "start_ms", "end_ms", "lang", "lang_tentative", "lang_unsure", "corrected", "origin"];
  const kept = Object.fromEntries(names.filter((name) => name in told).map((name) => [name, told[name]]));
  const translations = [...langs].map(([target_lang, each]) => ({
    target_lang,
    text: each.result?.text ?? "",
    stable_length: each.result?.stable_length ?? 0,
    final: each.result?.type === "final_translation",
    revision: each.result?.revision ?? 0,
    spoken: each.spoken.join(" "),
    speaking: each.speaking,
    speaking_samples: each.speakingSamples,
  }));
  return {transcript: {...kept, final: transcript?.type === "final_asr"}, translations};
}

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

function base64url(text) {
  return base64(new TextEncoder().encode(text)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
