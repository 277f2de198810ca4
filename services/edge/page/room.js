// The page of a room: who joins, what is read and heard, who speaks, and a screen for a hall.

import {Microphone, Player} from "./audio.js";
import {Column, Painter} from "./captions.js";
import {Room} from "./rooms.js";

const KEPT = "babelmesh-room";
const TOKEN = "babelmesh-token";
const SPOKEN = ""; // everybody's own words

/** @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);
const names = new Intl.DisplayNames(["en"], {type: "language"});
const named = (tag) => (tag ? names.of(tag) ?? tag : "as it is spoken");
const language = (tag) => tag.split("-")[0].toLowerCase();

const page = {room: null, microphone: null, names: {}, column: null};
const painter = new Painter();
const voices = new Player();
const originals = new Player();
const WISHES = {"hear-voice": voices, "hear-original": originals};

/** What requests show: the token that the other page has asked for, if the server wants one. */
const token = () => sessionStorage.getItem(TOKEN);
const asked = () => (token() ? {headers: {Authorization: `Bearer ${token()}`}} : {});

async function load() {
  const answer = await fetch("/v1/languages", asked());
  if (!answer.ok) throw new Error((await answer.json()).detail);
  const described = await answer.json();
  const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  const wished = Object.fromEntries(new URLSearchParams(location.search));
  const read = [...new Set(described.pairs.flatMap((each) => [each.target_lang, each.source_lang]))];
  for (const id of ["lang", "now"]) fill(at(id), [[SPOKEN, "everybody's own words"]], read, wished.lang ?? kept.lang);
  fill(at("spoken"), [["-", "I only listen"]], described.source_langs ?? [], wished.speak ?? kept.spoken ?? "-");
  at("room").value = decodeURIComponent(location.hash.slice(1)) || kept.room || "";
  at("name").value = kept.name ?? "";
  at("join").disabled = false;
  tell("Ready.", "ready");
  if (wished.view === "hall" && at("room").value) join();
}

function fill(select, first, tags, chosen) {
  const sorted = tags.map((tag) => [tag, named(tag)]).sort(([, one], [, other]) => one.localeCompare(other));
  select.replaceChildren(...[...first, ...sorted].map(([tag, text]) => new Option(text, tag)));
  const wanted = tags.find((tag) => tag === chosen) ?? tags.find((tag) => language(tag) === language(chosen ?? navigator.language));
  select.value = chosen === "-" || chosen === "" ? chosen : wanted ?? first[0][0];
}

async function join() {
  const name = at("room").value.trim();
  const spoken = at("spoken").value;
  const hall = new URLSearchParams(location.search).get("view") === "hall";
  localStorage.setItem(KEPT, JSON.stringify({room: name, name: at("name").value, lang: at("lang").value, spoken}));
  if (!hall) await sound();
  const url = new URL(`/v1/rooms/${encodeURIComponent(name)}`, location.href.replace(/^http/, "ws")).href;
  at("now").value = at("lang").value;
  const speech = spoken === "-" ? null : {source_langs: [spoken], rate: rateOf(voices.context.sampleRate)};
  const wish = {name: at("name").value, lang: at("lang").value, captions: true};
  const member = new Room(url, wish, speech, token() ? {token: token()} : {});
  page.room = member;
  page.column = new Column(at("lines"), at("jump"));
  listen(member);
  show(name, Boolean(speech));
  if (hall) screen(true);
}

/** Open the loudspeakers: originals go through what voices turn down while they speak. */
async function sound() {
  await voices.open();
  Object.assign(originals, {context: voices.context, voice: voices.original, original: new GainNode(voices.context)});
}

/** The rate of a microphone's samples where the browser's own is this. */
function rateOf(rate) {
  return rate >= 48000 ? 16000 : rate;
}

function show(name, speaks) {
  location.hash = encodeURIComponent(name);
  at("entrance").hidden = true;
  at("inside").hidden = false;
  at("room-name").textContent = name;
  at("hall").hidden = false;
  for (const id of ["speak", "level-label", "typed-label"]) at(id).hidden = !speaks;
  const path = `/v1/rooms/${encodeURIComponent(name)}`;
  at("qr").src = `${path}/qr`;
  at("link").href = at("link").textContent = `${location.origin}/room#${encodeURIComponent(name)}`;
  retitle();
}

function retitle() {
  const lang = at("now").value;
  at("lang-name").textContent = `Captions ${lang ? `in ${named(lang)}` : "as they are spoken"}`;
}

/** Keep what was said, in the language that is read. */
async function keep({target: {dataset}}) {
  const name = at("room").value.trim();
  const wanted = new URLSearchParams({format: dataset.format, lang: at("now").value || "spoken"});
  const answer = await fetch(`/v1/rooms/${encodeURIComponent(name)}/transcript?${wanted}`, asked());
  if (!answer.ok) return hint("There is no transcript yet.", "warn");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${name}.${dataset.format === "minutes" ? "md" : dataset.format}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function listen(member) {
  member.on("segment", caption).on("room", people);
  member.on("no_captions", ({speaker, lang, reason, over}) => hint(over ? "" : `There are no captions of ${who(speaker)} in ${named(lang)}: ${why(reason)}.`, "warn"));
  member.on("no_voice", ({lang}) => hint(`${named(lang)} has no voice here: captions only.`, "warn"));
  member.on("voice", ({data, sample_rate}) => voices.play(data, sample_rate));
  member.on("voice_skipped", () => hint("Speech was left out to catch up; the captions are whole.", "warn"));
  member.on("original", ({data, format, sample_rate}) => format === "pcm16le" && originals.play(data, sample_rate));
  member.on("error", ({message}) => hint(message, "warn"));
  member.on("connection", ({state}) => connected(state));
}

function connected(state) {
  const words = {open: "In the room.", back: "In the room.", lost: "Connection lost: trying again …", failed: "The room cannot be joined."};
  tell(words[state] ?? state, state === "lost" || state === "failed" ? "lost" : "open");
}

function who(speaker) {
  return page.names[speaker] || "a speaker";
}

function why(reason) {
  return {NOT_TRANSLATED: "it is not translated here", TOO_MANY_LANGUAGES: "the room has as many languages as it may"}[reason] ?? reason;
}

function caption(event) {
  const key = `${event.speaker}/${event.segment_id}`;
  painter.put(page.column, key, event);
  requestAnimationFrame(() => label(key, event));
  if (!event.final) return;
  const line = document.createElement("p");
  line.lang = event.lang;
  line.textContent = `${who(event.speaker)}: ${event.text}`;
  at("log").append(line);
  if (at("log").childElementCount > 20) at("log").firstChild.remove();
}

/** Name who speaks above a line, and what was said below its translation: the style shows both. */
function label(key, {speaker, source}) {
  const line = page.column.lines.get(key);
  if (!line) return;
  line.dataset.name = who(speaker);
  if (source) line.dataset.source = source.text;
}

function people({speakers, lang_minutes}) {
  for (const {speaker, name} of speakers) page.names[speaker] = name;
  at("speakers").replaceChildren(...speakers.map(({speaker, name, source_langs, state}) => {
    const item = document.createElement("li");
    item.dataset.state = state;
    const about = Object.assign(document.createElement("small"), {textContent: `${source_langs.map(named).join(", ")}${state === "present" ? "" : `, ${state}`}`});
    item.append(name || `Speaker ${speaker.slice(0, 4)}`, about);
    return item;
  }));
  const spent = Object.entries(lang_minutes).map(([lang, minutes]) => `${named(lang)} ${minutes.toFixed(1)}`);
  at("minutes").textContent = spent.length ? `Minutes translated: ${spent.join(", ")}` : "";
}

async function speak() {
  if (page.microphone) return hush();
  try {
    page.microphone = await Microphone.open("", heard, hush);
    if (page.microphone.rate !== page.room.speech.rate) throw new Error("its sampling rate has changed; join again");
    at("speak").setAttribute("aria-pressed", "true");
    at("speak-word").textContent = "Stop";
  } catch (error) {
    await hush();
    const secure = window.isSecureContext ? error.message : "browsers give a microphone to https pages and to localhost alone.";
    hint(`There is no microphone: ${secure}`, "warn");
  }
}

function heard(samples, peak) {
  at("level").value = peak;
  page.room?.sendAudio(samples);
}

async function hush() {
  const {microphone} = page;
  page.microphone = null;
  at("speak").setAttribute("aria-pressed", "false");
  at("speak-word").textContent = "Speak";
  at("level").value = 0;
  await microphone?.close();
}

async function leave() {
  await hush();
  page.room?.leave();
  at("inside").hidden = true;
  at("entrance").hidden = false;
  at("hall").hidden = true;
  at("lines").replaceChildren();
  screen(false);
  tell("You have left.", "ready");
}

function changed({target: {id, value, checked}}) {
  if (id === "now") {
    page.column.clear();
    page.room.change({lang: value});
    hint("");
    retitle();
  } else {
    const player = WISHES[id];
    page.room.change({[id.replace("hear-", "")]: checked});
    if (!checked) player.hush();
  }
}

function typed(event) {
  const text = event.target.value.trim();
  if (event.key !== "Enter" || !text) return;
  page.room.sendText(text);
  event.target.value = "";
}

function screen(on) {
  document.body.classList.toggle("hall", on);
  at("hall").setAttribute("aria-pressed", String(on));
  page.column?.live();
}

function tell(text, state = "") {
  at("status").textContent = text;
  at("status").dataset.state = state;
}

function hint(text, state = "") {
  at("hint").textContent = text;
  at("hint").dataset.state = state;
}

at("entrance").addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
for (const id of ["now", ...Object.keys(WISHES)]) at(id).addEventListener("change", changed);
for (const each of document.querySelectorAll("[data-format]")) each.addEventListener("click", keep);
at("speak").addEventListener("click", speak);
at("typed").addEventListener("keydown", typed);
at("leave").addEventListener("click", leave);
at("jump").addEventListener("click", () => page.column.live());
at("hall").addEventListener("click", () => screen(!document.body.classList.contains("hall")));
document.addEventListener("keydown", ({key}) => key === "Escape" && screen(false));
load().catch((error) => tell(`The server does not answer: ${error.message}`, "lost"));
