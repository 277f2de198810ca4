// A session by WebRTC as the page has sessions: a microphone's track out, the voice's track in, the same events.
//
// A way that is lost is looked for anew (ICE restart). A connection that is gone is followed by another one with the
// newest handle, without the words that were open.

import {Call} from "./webrtc.js";

const FEATURES = ["partial_results", "vad", "latency"];
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5000;

/** One session. Its `done` resolves at its end; `on`, `sendText`, `setTargets`, `setDictionary` and `end` are as in babelmesh.js. */
export class PeerSession {
  constructor(asked, track, options = {}) {
    const {input, output, ...session} = asked; // tracks have the formats that offer and answer agree on
    Object.assign(this, {session: {features: FEATURES, ...session}, track, options, handlers: new Map(), unsent: []});
    Object.assign(this, {handle: "", open: false, over: false, delay: FIRST_DELAY_MS});
    this.done = new Promise((resolve, reject) => Object.assign(this, {ended: resolve, refused: reject}));
    this.done.catch(() => {});
    this.forgets = true; // what is said while there is no way
    this.connect();
  }

  on(type, handler) {
    this.handlers.set(type, [...(this.handlers.get(type) ?? []), handler]);
    return this;
  }

  sendAudio() {} // the track is heard

  played() {} // the edge sees what its track plays

  sendText(text, final = true) {
    this.send({type: "input_text", text, final});
  }

  setTargets(targets) {
    this.session.targets = targets;
    this.send({type: "control", action: "set_target_lang", targets});
  }

  setDictionary(dictionary) {
    this.session.dictionary = dictionary;
    this.send({type: "control", action: "set_dictionary", dictionary});
  }

  /** Have another microphone heard from now on. */
  async use(track) {
    this.track = track;
    await this.call?.peer?.getSenders()[0].replaceTrack(track);
  }

  end() {
    if (!this.over) this.send({type: "control", action: "end"});
    return this.done;
  }

  send(message) {
    if (this.open) this.call.send(message);
    else this.unsent.push(message);
  }

  connect() {
    const call = new Call({session: this.session, resume: this.handle, ...this.options});
    this.call = call;
    this.open = false;
    const on = (type, handler) => call.addEventListener(type, (event) => call === this.call && handler(event.detail));
    on("message", (message) => this.take(message));
    on("track", (track) => this.play(track));
    on("connected", () => this.open && this.emit("connection", {state: "resumed"}));
    on("disconnected", () => this.restart());
    on("failed", () => this.again());
    on("gone", () => (this.over ? call.peer.close() : this.again()));
    call.connect(this.track).catch((error) => call === this.call && this.failed(error));
  }

  take(message) {
    this.handle = message.resume_handle || this.handle;
    if (message.type === "ready") this.begin();
    if (message.type === "go_away") this.again();
    if (message.type === "error" && message.fatal) return message.retry_after_ms ? this.again() : this.finish(message);
    if (message.type !== "tts_audio") this.emit(message.type, message); // which tells of what the track plays
    return message.type === "end_of_session" && this.finish();
  }

  begin() {
    this.open = true;
    this.delay = FIRST_DELAY_MS;
    this.unsent.splice(0).forEach((message) => this.call.send(message));
    this.emit("connection", {state: "open"});
  }

  play(track) {
    this.player ??= new Audio();
    this.player.srcObject = new MediaStream([track]);
    this.player.play().catch(() => {});
  }

  restart() {
    this.emit("connection", {state: "lost"});
    this.call.restart().catch(() => {}); // where that fails, the connection does
  }

  /** Go on in another connection. */
  again() {
    if (this.over) return;
    const before = this.call;
    this.call = null;
    this.open = false;
    before?.peer?.close();
    this.emit("connection", {state: "lost"});
    setTimeout(() => this.over || this.connect(), this.delay);
    this.delay = Math.min(2 * this.delay, LONGEST_DELAY_MS);
  }

  failed(error) {
    if (error.code && !error.retry_after_ms) this.finish({type: "error", code: error.code, message: error.message});
    else this.again();
  }

  finish(fault) {
    if (this.over) return;
    this.over = true;
    this.emit(fault ? "failed" : "done", fault ?? {type: "done"});
    if (fault) this.refused(fault);
    else this.ended();
  }

  emit(type, event) {
    for (const handler of this.handlers.get(type) ?? []) handler(event);
  }
}
