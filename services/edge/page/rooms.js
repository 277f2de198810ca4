// A client of Babelmesh's rooms for browsers, without dependencies: a room is joined, events come, audio and text go.
//
//   const room = new Room("wss://example.org/v1/rooms/hall", {lang: "es"});
//   room.on("segment", ({speaker, text, final}) => …);
//
// A connection that is lost is followed by another one: who listens tells what came, who speaks goes on with the newest
// handle and sends again what is not acknowledged. No final comes twice, and no word is lost.

const MARKER = "babelmesh.v1";
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5000;
const STAY_MS = 15000;
const MOST_SECONDS = 60; // of audio that is kept until it is acknowledged
const HOPELESS = new Set([4000, 4001, 4003, 4009, 4013, 4501]); // close codes that another try does not change

/** One member of a room, over as many connections as it takes. */
export class Room {
  /**
   * @param {string} url Address of the room's WebSocket.
   * @param {{name?: string, lang?: string, captions?: boolean, voice?: boolean, original?: boolean, role?: string}} wish
   * @param {{source_langs: string[], rate: number} | null} [speech] What a speaker brings; null for who listens only.
   * @param {{token?: string, WebSocket?: any}} [options]
   */
  constructor(url, wish, speech = null, options = {}) {
    this.url = url;
    this.wish = wish;
    this.speech = speech;
    this.options = options;
    this.handlers = new Map();
    this.received = {}; // by speaker, the last segment whose final came
    this.finals = new Set(); // of this language, so that none comes twice
    this.speaker = "";
    this.handle = "";
    this.log = []; // audio that is not acknowledged: {at, bytes}
    this.at = 0; // samples sent
    this.texts = []; // typed texts that are not acknowledged: {number, text}
    this.typed = 0;
    this.delay = FIRST_DELAY_MS;
    this.state = "connecting"; // connecting, open, lost, left, failed
    this.connect();
  }

  /** Call a function with each event of a type; "*" for all. "connection" tells of losses and returns. */
  on(type, handler) {
    this.handlers.set(type, [...(this.handlers.get(type) ?? []), handler]);
    return this;
  }

  /** Get something else from now on. */
  change(wish) {
    if ("lang" in wish && wish.lang !== this.wish.lang) {
      this.received = {};
      this.finals.clear();
    }
    this.wish = {...this.wish, ...wish};
    this.send({type: "change", ...wish});
  }

  /** Send samples of 16 bits. */
  sendAudio(samples) {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength).slice();
    const entry = {at: this.at, bytes};
    this.at += bytes.length / 2;
    this.log.push(entry);
    while (this.at - this.log[0].at > MOST_SECONDS * this.speech.rate) this.log.shift();
    if (this.speaking) this.socket.send(bytes);
  }

  /** Send text, one segment. */
  sendText(text) {
    this.typed += 1;
    this.texts.push({number: this.typed, text});
    if (this.speaking) this.send({type: "input_text", text, number: this.typed});
  }

  /** Set the terms of the room: objects from language to term. */
  setTerms(terms) {
    this.send({type: "set_terms", terms});
  }

  /** Leave for good; what was said is still translated. */
  leave() {
    this.send({type: "leave"});
    this.state = "left";
    setTimeout(() => this.socket.close(1000), this.speech ? 20000 : 0);
  }

  send(message) {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  connect() {
    const Socket = this.options.WebSocket ?? globalThis.WebSocket;
    const {token} = this.options;
    const socket = new Socket(this.url, token ? [MARKER, `babelmesh.bearer.${base64url(token)}`] : [MARKER]);
    this.socket = socket;
    this.speaking = false;
    this.audio = null;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify(this.join()));
    socket.onmessage = ({data}) => socket === this.socket && this.take(data);
    socket.onclose = ({code}) => socket === this.socket && this.closed(code);
    clearInterval(this.staying);
    this.staying = setInterval(() => this.send({type: "keepalive"}), STAY_MS);
  }

  join() {
    const {source_langs, rate} = this.speech ?? {};
    const back = this.handle ? {speaker: this.speaker, resume_handle: this.handle} : {};
    const speech = this.speech ? {source_langs, input: {format: "pcm16le", sample_rate: rate}, ...back} : {};
    return {type: "join", ...this.wish, received: this.received, ...speech};
  }

  take(data) {
    if (typeof data !== "string") {
      const event = this.audio;
      this.audio = null;
      if (event) this.emit({...event, data: new Uint8Array(data)});
      return;
    }
    const event = JSON.parse(data);
    if ("bytes" in event) this.audio = event;
    else if (this.news(event)) this.emit(event);
  }

  /** Record an event; returns whether it is new. */
  news(event) {
    if (event.type === "joined") this.open();
    if (event.type === "ready") this.begin(event);
    if (event.type === "ack") this.acknowledged(event);
    if (event.type === "go_away") setTimeout(() => this.socket.close(1000), event.time_left_ms / 2);
    if (event.type === "error" && event.fatal) this.fault = event;
    if (event.type !== "segment") return true;
    const key = `${event.speaker}/${event.segment_id}`;
    if (this.finals.has(key)) return false;
    if (event.final) {
      this.finals.add(key);
      this.received[event.speaker] = event.segment_id;
    }
    return true;
  }

  open() {
    const again = this.state === "lost";
    this.state = "open";
    this.delay = FIRST_DELAY_MS;
    this.emit({type: "connection", state: again ? "back" : "open"});
  }

  begin(event) {
    this.speaker = event.speaker;
    this.handle = event.resume_handle;
    const from = Math.round(((event.resume_offset_ms ?? 0) * this.speech.rate) / 1000);
    this.log = this.log.filter(({at, bytes}) => at + bytes.length / 2 > from);
    this.texts = this.texts.filter(({number}) => number > (event.texts ?? 0));
    for (const {at, bytes} of this.log) this.send({type: "input_audio", offset_samples: at, data: base64(bytes)});
    for (const {number, text} of this.texts) this.send({type: "input_text", text, number});
    this.speaking = true;
  }

  acknowledged({audio_ms, texts, resume_handle}) {
    this.handle = resume_handle || this.handle;
    const to = (audio_ms * this.speech.rate) / 1000;
    this.log = this.log.filter(({at, bytes}) => at + bytes.length / 2 > to);
    this.texts = this.texts.filter(({number}) => number > texts);
  }

  closed(code) {
    clearInterval(this.staying);
    this.speaking = false;
    if (this.state === "left") return;
    if (this.fault?.code.startsWith("RESUME")) this.forget(); // the handle is too old: begin anew
    else if (HOPELESS.has(code)) {
      this.state = "failed";
      this.emit(this.fault ?? {type: "error", code: "CLOSED", message: `closed with ${code}`, fatal: true});
      this.emit({type: "connection", state: "failed"});
      return;
    }
    this.state = "lost";
    this.emit({type: "connection", state: "lost"});
    setTimeout(() => this.state === "lost" && this.connect(), this.delay * (0.5 + Math.random() / 2));
    this.delay = Math.min(2 * this.delay, LONGEST_DELAY_MS);
  }

  forget() {
    Object.assign(this, {handle: "", speaker: "", log: [], texts: [], at: 0, typed: 0, fault: null});
  }

  emit(event) {
    for (const handler of this.handlers.get(event.type) ?? []) handler(event);
    for (const handler of this.handlers.get("*") ?? []) handler(event);
  }
}

function base64(bytes) {
  let text = "";
  for (const each of bytes) text += String.fromCharCode(each);
  return btoa(text);
}

function base64url(text) {
  return base64(new TextEncoder().encode(text)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
