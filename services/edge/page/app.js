// The page: settings, one session at a time, captions, voice and transcript.

import {FileSource, Microphone, Player} from "./audio.js";
import {Session} from "./babelmesh.js";
import {Column, Painter} from "./captions.js";
import {Transcript} from "./transcript.js";

const NO_VOICE = "-";
const SILENT_PEAK = 0.01;
const SILENT_MS = 6000;
const BEHIND_MS = 3000;
const KEPT = "babelmesh-settings";

/** @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);
const names = new Intl.DisplayNames(["en"], {type: "language"});
const language = (tag) => tag.split("-")[0].toLowerCase();

/** Everything that belongs to the running page. */
const page = {
  described: null,
  session: null,
  source: null, // a Microphone or FileSource
  count: 0, // sessions so far
  baseMs: 0, // where the session's clock begins on the page's
  began: performance.now(),
  heardAt: 0,
  rate: 0,
};
const painter = new Painter();
const player = new Player();
const transcript = new Transcript();
const columns = {source: new Column(at("source-text")), target: new Column(at("target-text"), at("jump"))};

const address = () => new URL("/v1/realtime", location.href.replace(/^http/, "ws")).href;

async function load() {
  const answer = await fetch("/v1/languages");
  if (!answer.ok) throw new Error((await answer.json()).detail);
  page.described = await answer.json();
  const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  const wished = Object.fromEntries(new URLSearchParams(location.search));
  fill(at("source"), [...new Set(page.described.pairs.map((each) => each.source_lang))], wished.from ?? kept.source);
  fillTargets(wished.to ?? kept.target);
  if (kept.pace) at("pace").value = kept.pace;
  fillVoices(kept.voice);
  at("speak").disabled = false;
  tell("Ready.");
}

function fill(select, tags, chosen) {
  const options = tags.map((tag) => new Option(named(tag), tag)).sort((one, other) => one.text.localeCompare(other.text));
  select.replaceChildren(...options);
  const wanted = tags.find((tag) => tag === chosen) ?? tags.find((tag) => language(tag) === language(chosen ?? navigator.language));
  if (wanted) select.value = wanted;
}

function named(tag) {
  return `${names.of(tag) ?? tag}`;
}

function fillTargets(chosen) {
  const spoken = at("source").value;
  const into = page.described.pairs.filter((each) => each.source_lang === spoken).map((each) => each.target_lang);
  const before = chosen ?? at("target").value;
  fill(at("target"), [...new Set(into)], before || "es");
}

function fillVoices(chosen) {
  const tag = at("target").value;
  const voices = page.described.voices?.filter((each) => language(each.lang) === language(tag)) ?? [];
  const options = voices.map((each) => new Option(each.name, each.name));
  at("voice").replaceChildren(...(voices.length ? [new Option("default", ""), ...options] : []), new Option("none, captions only", NO_VOICE));
  if ([...at("voice").options].some((each) => each.value === chosen)) at("voice").value = chosen;
  hint(voices.length || !tag ? "" : `${named(tag)} has no voice here: captions only.`);
  at("target-name").textContent = tag ? named(tag) : "Translation";
  at("source-name").textContent = at("source").value ? named(at("source").value) : "Spoken";
}

function target() {
  const voice = at("voice").value;
  return voice === NO_VOICE ? {lang: at("target").value, delivery: "captions"} : {lang: at("target").value, voice};
}

function glossary() {
  const lines = at("glossary").value.split("\n").map((line) => line.split("="));
  return Object.fromEntries(lines.filter((each) => each.length === 2).map(([from, to]) => [from.trim(), to.trim()]).filter(([from, to]) => from && to));
}

/** Open a session with the settings; what it says goes to the page under a key of its own. */
function open(rate) {
  const terms = glossary();
  page.count += 1;
  page.rate = rate;
  page.baseMs = performance.now() - page.began;
  const asked = {
    source_lang: at("source").value,
    targets: [target()],
    input: {format: "pcm16le", sample_rate: rate},
    output: {format: "pcm16le", sample_rate: 24000},
    stabilization: at("pace").value,
    ...(Object.keys(terms).length ? {dictionary: terms} : {}),
  };
  const session = new Session(address(), asked);
  page.session = session;
  listen(session, page.count, page.baseMs);
  return session;
}

function listen(session, number, baseMs) {
  const key = (event) => `${number}/${event.segment_id}`;
  const asr = (event) => painter.put(columns.source, key(event), {...event, final: event.type === "final_asr"});
  const mine = (event) => language(event.target_lang) === language(at("target").value);
  session.on("partial_asr", asr).on("final_asr", (event) => {
    asr(event);
    transcript.transcribed(key(event), baseMs, event);
  });
  session.on("partial_translation", (event) => mine(event) && painter.put(columns.target, key(event), {...event, lang: event.target_lang}));
  session.on("final_translation", (event) => {
    transcript.translated(key(event), baseMs, event);
    if (!mine(event)) return;
    painter.put(columns.target, key(event), {...event, lang: event.target_lang, final: true});
    say(event);
  });
  session.on("tts_audio", (event) => session === page.session && mine(event) && player.play(event.data, event.sample_rate, () => session.played(event.target_lang, event.offset_ms)));
  session.on("voice_skipped", () => hint("Speech was left out to catch up; the captions are whole.", "warn"));
  session.on("latency", (event) => account(key(event), event));
  session.on("heartbeat", ({lag_ms}) => lag_ms > BEHIND_MS && hint(`The translation is ${(lag_ms / 1000).toFixed(0)} s behind.`, "warn"));
  session.on("error", (event) => hint(event.message, "warn"));
  session.on("connection", ({state}) => tell(state === "lost" ? "Connection lost: trying again …" : listening(), state));
  session.on("failed", (event) => {
    hint(event.message, "warn");
    if (session === page.session) stop();
  });
}

function say(event) {
  const line = document.createElement("p");
  line.lang = event.target_lang;
  line.textContent = event.text;
  at("spoken-log").append(line);
  if (at("spoken-log").childElementCount > 20) at("spoken-log").firstChild.remove();
}

function account(key, {captured_ms: end, recognized_ms, translated_ms, first_audio_ms}) {
  const seconds = (value) => (value ? ((value - end) / 1000).toFixed(2) : "–");
  const row = document.createElement("tr");
  row.append(...[key, seconds(recognized_ms), seconds(translated_ms), seconds(first_audio_ms)].map((text) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    return cell;
  }));
  at("ledger").prepend(row);
  if (at("ledger").childElementCount > 100) at("ledger").lastChild.remove();
}

function heard(samples, peak) {
  at("level").value = peak;
  const now = performance.now();
  if (peak > SILENT_PEAK) page.heardAt = now;
  else if (now - page.heardAt > SILENT_MS) hint("Nothing is heard. Is this the right microphone?", "warn");
  page.session?.sendAudio(samples);
}

async function speak() {
  if (page.source) return stop();
  at("speak").disabled = true;
  hint("");
  try {
    await player.open();
    page.heardAt = performance.now();
    page.source = await Microphone.open(at("device").value, heard);
    begin(page.source.rate);
    await listDevices();
    if (at("voice").value !== NO_VOICE) hint("With loudspeakers the microphone hears the translation: use headphones, or no voice.");
  } catch (error) {
    const secure = window.isSecureContext ? error.message : "browsers give a microphone to https pages and to localhost alone.";
    hint(`There is no microphone: ${secure}`, "warn");
    at("speak").disabled = false;
  }
}

function begin(rate) {
  open(rate);
  at("speak").disabled = false;
  at("speak").textContent = "Stop";
  at("speak").setAttribute("aria-pressed", "true");
  tell("Connecting …");
}

async function translateFile(file) {
  if (!file) return;
  await stop();
  try {
    await player.open();
    page.source = await FileSource.open(file, player);
  } catch {
    hint("This file has no sound that the browser can read.", "warn");
    return;
  }
  page.heardAt = performance.now();
  begin(page.source.rate);
  const {source} = page;
  await source.run(heard);
  if (page.source === source) await stop();
}

/** Stop listening; what was said is still translated. */
async function stop() {
  const {source, session} = page;
  page.source = null;
  at("speak").textContent = "Speak";
  at("speak").setAttribute("aria-pressed", "false");
  at("level").value = 0;
  await source?.close();
  if (!session) return;
  page.ending = session;
  session.end().then(() => page.session === session && ((page.session = null), tell("Ready.")), () => {});
}

function listening() {
  return page.source ? "Listening." : "Connected.";
}

/** Go on with other settings: some change within a session, others need another one. */
function changed({target: {id}}) {
  if (id === "source") fillTargets();
  if (id === "source" || id === "target") fillVoices();
  const kept = {source: at("source").value, target: at("target").value, voice: at("voice").value, pace: at("pace").value};
  localStorage.setItem(KEPT, JSON.stringify(kept));
  if (!page.session) return;
  if (id === "target" || id === "voice") {
    player.hush();
    page.session.setTargets([target()]);
  } else if (id === "device") {
    stop().then(speak);
  } else {
    const before = page.session;
    open(page.rate);
    before.end();
  }
}

function typed(event) {
  const text = event.target.value.trim();
  if (event.key !== "Enter" || !text) return;
  player.open();
  (page.session ?? open(FILE_RATE)).sendText(text);
  event.target.value = "";
}

const FILE_RATE = 16000;

function keep(form) {
  const types = {srt: "application/x-subrip", vtt: "text/vtt", txt: "text/plain", json: "application/json"};
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([transcript.as(form, at("target").value)], {type: types[form]}));
  link.download = `transcript.${form}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function listDevices() {
  const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const inputs = found.filter((each) => each.kind === "audioinput" && each.deviceId && each.label);
  const chosen = at("device").value;
  at("device").replaceChildren(new Option("default", ""), ...inputs.map((each) => new Option(each.label, each.deviceId)));
  at("device").value = inputs.some((each) => each.deviceId === chosen) ? chosen : "";
}

function tell(text, state = "") {
  at("status").textContent = text;
  at("status").dataset.state = state;
}

function hint(text, state = "") {
  at("hint").textContent = text;
  at("hint").dataset.state = state;
}

at("settings").addEventListener("change", changed);
at("speak").addEventListener("click", speak);
at("file").addEventListener("change", ({target: {files}}) => translateFile(files[0]));
at("calm").addEventListener("change", ({target: {checked}}) => document.body.classList.toggle("calm", checked));
at("typed").addEventListener("keydown", typed);
at("jump").addEventListener("click", () => columns.target.live());
at("clear").addEventListener("click", () => [columns.source, columns.target, transcript].forEach((each) => each.clear()));
at("use-glossary").addEventListener("click", () => page.session?.setDictionary(glossary()));
for (const button of document.querySelectorAll("[data-export]")) button.addEventListener("click", () => keep(button.dataset.export));
for (const type of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", type === "dragover");
    if (type === "drop") translateFile(event.dataTransfer.files[0]);
  });
}
load().catch((error) => tell(`The server does not answer: ${error.message}`, "lost"));
