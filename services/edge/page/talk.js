// One session on the page: what comes of it goes to captions, transcript, ledger, voice and the status line.

import {Session} from "./babelmesh.js";
import {at, language, named} from "./choices.js";
import {PeerSession} from "./peer.js";

export const SILENT_PEAK = 0.01;
const BEHIND_MS = 3000;
const STILL_BEHIND_MS = 1500; // until which it counts as behind, once it does
const PAUSE_STEPS = 3; // of 100 ms, that are a pause in which a session can be changed
const MOST_STEPS = 40; // that a change waits for one
const QUIET = 0.15; // of the loudest of the last steps, below which a step is quiet
const SKIPPED_MS = 10000; // that it is shown for
let count = 0;

/** A session, and the next ones that take its place when a setting needs that. */
export class Talk {
  /** @param {any} page Columns, painter, player, transcript, ledger, states and choices of the page. */
  constructor(page, rate, token) {
    Object.assign(this, {page, rate, token, due: 0, peaks: []});
    this.open();
  }

  open() {
    count += 1;
    this.opened = false;
    const session = this.connected(this.page.choices.session(this.rate), this.token ? {token: this.token} : {});
    this.session = session;
    listen(this, session, {number: count, baseMs: performance.now() - this.page.began});
  }

  /** A session over the chosen connection: files and typed text go over the WebSocket. */
  connected(asked, options) {
    const track = at("line").value === "webrtc" && this.rate && this.page.source?.track;
    if (track) return new PeerSession(asked, track, options);
    return new Session(new URL("/v1/realtime", location.href.replace(/^http/, "ws")).href, asked, options);
  }

  /** Send samples; where a change is due and the speaker makes a pause, those behind it go to the next session. */
  hear(samples, peak) {
    this.peaks = [...this.peaks.slice(1 - MOST_STEPS), peak];
    const quiet = Math.max(SILENT_PEAK, QUIET * Math.max(...this.peaks));
    const pause = this.peaks.slice(-PAUSE_STEPS).every((each) => each < quiet);
    if (this.due && (pause || (this.due -= 1) === 0)) this.change();
    this.session.sendAudio(samples);
  }

  /** Go on in a session with other settings, from the speaker's next pause on; every sample goes to one of them. */
  renew() {
    if (this.page.source) this.due ||= MOST_STEPS;
    else this.change();
  }

  change() {
    this.due = 0;
    const before = this.session;
    this.open();
    before.end();
  }

  end() {
    return this.session.end();
  }
}

function listen(talk, session, place) {
  const {states, player} = talk.page;
  const current = () => session === talk.session;
  texts(talk, session, place);
  session.on("tts_audio", (event) => {
    if (!isShown(event)) return;
    player.play(event.data, event.sample_rate, () => session.played(event.target_lang, event.offset_ms));
  });
  session.on("voice_skipped", () => {
    states.advise("skipped", "Speech was left out to catch up; the captions are whole.", "warn");
    setTimeout(() => states.advise("skipped"), SKIPPED_MS);
  });
  session.on("heartbeat", ({lag_ms: late}) => {
    const behind = late > (states.has("behind") ? STILL_BEHIND_MS : BEHIND_MS);
    states.set("behind", behind && talk.page.source, (late / 1000).toFixed(0));
  });
  session.on("connection", ({state}) => {
    talk.opened ||= state !== "lost";
    states.set("connecting", false);
    states.set(session.forgets ? "away" : "lost", state === "lost" && talk.opened);
    states.set("refused", state === "lost" && !talk.opened);
    states.set("open", state !== "lost");
    if (state === "lost" && !talk.opened) talk.page.ask();
  });
  session.on("error", (event) => states.advise("error", event.message, "warn"));
  session.on("failed", (event) => current() && talk.page.failed(event));
}

const isShown = (event) => language(event.target_lang) === language(at("target").value);

function texts(talk, session, {number, baseMs}) {
  const {painter, columns, transcript, ledger} = talk.page;
  const key = (event) => `${number}/${event.segment_id}`;
  const heard = (event, final) => painter.put(columns.source, key(event), {...event, final});
  const said = (event, final) => isShown(event) && painter.put(columns.target, key(event), {...event, lang: event.target_lang, final});
  session.on("partial_asr", (event) => heard(event, false));
  session.on("final_asr", (event) => {
    heard(event, true);
    transcript.transcribed(key(event), baseMs, event);
    ledger.named(key(event), event.text);
    counted(transcript);
  });
  session.on("partial_translation", (event) => said(event, false));
  session.on("final_translation", (event) => {
    transcript.translated(key(event), baseMs, event);
    if (!isShown(event)) return;
    said(event, true);
    announce(event);
  });
  session.on("latency", (event) => ledger.add(key(event), event));
}

/** Have a screen reader read a finished translation. */
function announce(event) {
  const line = document.createElement("p");
  line.lang = event.target_lang;
  line.textContent = event.text;
  at("spoken-log").append(line);
  if (at("spoken-log").childElementCount > 20) at("spoken-log").firstChild.remove();
}

/** Show how many segments are kept. */
export function counted(transcript) {
  const {size} = transcript.entries;
  at("kept-count").textContent = size ? `${size} segment${size === 1 ? "" : "s"}` : "";
}

/** What is to be known about the chosen voice. */
export function voiceAdvice(page, speaking) {
  const {choices, states} = page;
  states.advise("mute", choices.mute ? `${named(at("target").value)} has no voice here: captions only.` : "");
  const loud = speaking && choices.target.delivery !== "captions" && !choices.mute;
  states.advise("headphones", loud ? "With loudspeakers the microphone hears the translation: use headphones, or no voice." : "");
}
