// The page: starts and stops, and what each control does.

import {FileSource, Microphone, Player} from "./audio.js";
import {Column, Painter} from "./captions.js";
import {at, Choices, glossary, kept} from "./choices.js";
import {EchoWatch} from "./echo.js";
import {Ledger} from "./ledger.js";
import {isReading, read, resize, restore, stayOn} from "./looks.js";
import {States} from "./states.js";
import {counted, SILENT_PEAK, Talk, voiceAdvice} from "./talk.js";
import {Transcript} from "./transcript.js";

const SILENT_MS = 6000;
const TYPED_MS = 60000; // without another text, after which a session of typed text ends
const TOKEN = "babelmesh-token";
const QUIETEST_DB = -60;
const TYPES = {srt: "application/x-subrip", vtt: "text/vtt", txt: "text/plain", json: "application/json"};

/** Everything that belongs to the running page. */
const page = {
  choices: null,
  talk: null,
  source: null, // a Microphone or FileSource
  began: performance.now(),
  heardAt: 0,
  echo: new EchoWatch(),
  painter: new Painter(),
  player: new Player(),
  transcript: new Transcript(),
  ledger: new Ledger(at("ledger")),
  states: new States(at("status"), at("hint")),
  columns: {source: new Column(at("source-text")), target: new Column(at("target-text"), at("jump"))},
  failed,
  ask: load,
};
const {states, player, columns, transcript} = page;

/** Ask what the server offers; where it asks for a token, ask for that first. */
async function load() {
  const token = sessionStorage.getItem(TOKEN);
  const answer = await fetch("/v1/languages", token ? {headers: {Authorization: `Bearer ${token}`}} : {}).catch(() => null);
  if (answer?.status === 401 || answer?.status === 403) {
    await stop();
    return askForToken(token ? (await answer.json()).detail : "");
  }
  if (page.choices) return undefined; // a session could not be opened, and tries again
  if (!answer?.ok) {
    states.set("fault", true, "The server does not answer: trying again.");
    setTimeout(load, 3000);
    return undefined;
  }
  page.choices = new Choices(await answer.json());
  at("speak").disabled = false;
  states.set("fault", false);
  voiceAdvice(page, false);
  countTerms();
  return undefined;
}

function askForToken(fault) {
  at("token-fault").textContent = fault;
  if (!at("token-dialog").open) at("token-dialog").showModal();
  return undefined;
}

function begin(rate) {
  page.talk?.end();
  states.reset();
  page.heardAt = performance.now();
  page.echo = new EchoWatch();
  states.advise("error");
  states.set("connecting", true);
  page.talk = new Talk(page, rate, sessionStorage.getItem(TOKEN));
}

/** Show whether something is listened to. */
function listening(on) {
  at("speak").disabled = false;
  at("speak").setAttribute("aria-pressed", String(on));
  at("speak-word").textContent = on ? "Stop" : page.transcript.entries.size ? "Start again" : "Start";
  document.body.classList.toggle("listening", on);
  states.set("listening", on);
  if (!on) at("level").value = 0;
  stayOn(on);
}

function heard(samples, peak) {
  at("level").value = peak > 0 ? Math.max(0, 1 - (20 * Math.log10(peak)) / QUIETEST_DB) : 0;
  const now = performance.now();
  if (peak > SILENT_PEAK) page.heardAt = now;
  const silent = now - page.heardAt > SILENT_MS;
  if (silent !== states.has("silent")) {
    states.set("silent", silent);
    states.advise("silent", silent ? "Is this the right microphone? Is it muted?" : "", "warn");
  }
  if (page.source instanceof Microphone) {
    const echo = page.echo.add(player.level(), peak);
    if (echo) states.advise("echo", "The microphone hears the translated voice, and would translate it again: use headphones, or no voice.", "warn");
  }
  page.talk?.hear(samples, peak);
}

async function speak() {
  if (page.source) return stop();
  at("speak").disabled = true;
  states.advise("microphone");
  states.advise("echo");
  try {
    await player.open();
    page.source = await Microphone.open(at("device").value, heard, unplugged);
    begin(page.source.rate);
    listening(true);
    await listDevices();
    voiceAdvice(page, true);
  } catch (error) {
    noMicrophone(error);
    listening(false);
  }
  return undefined;
}

function noMicrophone(error) {
  const reasons = {
    NotAllowedError: "this page may not use it. Allow it in the browser's address bar",
    NotFoundError: "none is connected",
    NotReadableError: "another program has it",
    OverconstrainedError: "the chosen one is gone",
  };
  const why = window.isSecureContext ? (reasons[error.name] ?? error.message) : "browsers give one to https pages and to localhost alone (babelmesh up --tls)";
  states.advise("microphone", `There is no microphone: ${why}.`, "warn");
}

function unplugged() {
  states.advise("microphone", "The microphone was disconnected.", "warn");
  stop();
}

/** Listen to another microphone; the session goes on where the samples are of the same kind. */
async function changeMicrophone() {
  kept.put({device: at("device").value});
  if (!(page.source instanceof Microphone)) return;
  const before = page.source;
  try {
    page.source = await Microphone.open(at("device").value, heard, unplugged);
    await page.talk.session.use?.(page.source.track);
    await before.close();
    if (page.source.rate === before.rate) return;
    page.talk.rate = page.source.rate;
    page.talk.change();
  } catch (error) {
    noMicrophone(error);
  }
}

async function translateFile(file) {
  if (!file || !page.choices) return;
  await stop();
  states.advise("file");
  try {
    await player.open();
    page.source = await FileSource.open(file, player);
  } catch {
    states.advise("file", "This file has no sound that the browser can read.", "warn");
    return;
  }
  begin(page.source.rate);
  listening(true);
  const {source} = page;
  await source.run(heard);
  if (page.source === source) await stop();
}

/** Stop listening; what was said is still translated. */
async function stop() {
  const {source, talk} = page;
  page.source = null;
  page.talk = null;
  for (const each of ["silent", "behind", "connecting"]) states.set(each, false);
  states.advise("silent");
  listening(false);
  if (page.choices) voiceAdvice(page, false);
  await source?.close();
  if (!talk) return;
  states.set("ending", true);
  talk.end().then(
    () => page.talk || ended(),
    () => {}, // its failure is told
  );
}

function ended() {
  states.reset();
  states.set("ended", true);
  listening(false);
}

/** A session cannot go on. */
function failed(event) {
  states.advise("error", event.message, "warn");
  page.talk = null;
  stop().then(ended);
  if (["UNAUTHENTICATED", "TOKEN"].some((each) => event.code?.startsWith(each))) askForToken(event.message);
}

/** Go on with other settings: some change within a session, others need another one. */
function changed({target: {id}}) {
  if (id === "source") page.choices.fillTargets();
  if (id === "source" || id === "target") page.choices.fillVoices();
  page.choices.remember();
  voiceAdvice(page, page.source instanceof Microphone);
  if (id === "voice") states.advise("echo");
  if (!page.talk) return;
  if (id === "target" || id === "voice") {
    player.hush();
    page.talk.session.setTargets([page.choices.target]);
  } else page.talk.renew();
}

function swap() {
  page.choices.swap();
  changed({target: {id: "swap"}});
}

async function typed(event) {
  const text = event.target.value.trim();
  if (event.key !== "Enter" || !text || !page.choices) return;
  event.target.value = "";
  if (!page.talk) begin(null);
  page.talk.session.sendText(text);
  clearTimeout(page.typing);
  page.typing = setTimeout(() => page.source || stop(), TYPED_MS);
  await player.open();
}

function useGlossary() {
  kept.put({glossary: at("glossary").value});
  const {terms} = countTerms();
  page.talk?.session.setDictionary(terms);
}

function countTerms() {
  const found = glossary();
  const count = Object.keys(found.terms).length;
  at("glossary-count").textContent = count ? `${count} term${count === 1 ? "" : "s"}` : "";
  at("glossary-fault").textContent = found.wrong.length ? `Not a term and its translation: ${found.wrong.join(", ")}` : "";
  return found;
}

function keep(form) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([transcript.as(form, at("kept-text").value)], {type: TYPES[form]}));
  link.download = `transcript.${form}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function listDevices() {
  const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const inputs = found.filter((each) => each.kind === "audioinput" && each.deviceId && each.label && each.deviceId !== "default");
  const chosen = at("device").value || kept.all().device;
  at("device").replaceChildren(new Option("Default", ""), ...inputs.map((each) => new Option(each.label, each.deviceId)));
  at("device").value = inputs.some((each) => each.deviceId === chosen) ? chosen : "";
}

const clicks = {
  speak,
  swap,
  smaller: () => resize(-1, columns),
  larger: () => resize(1, columns),
  calm: () => read(!isReading(), columns),
  jump: () => columns.target.live(),
  clear: () => [columns.source, columns.target, transcript].forEach((each) => each.clear()) || counted(transcript),
  "use-glossary": useGlossary,
};
for (const [id, act] of Object.entries(clicks)) at(id).addEventListener("click", act);
for (const button of document.querySelectorAll("[data-export]")) button.addEventListener("click", () => keep(button.dataset.export));
at("settings").addEventListener("change", changed);
at("settings").addEventListener("submit", (event) => event.preventDefault());
at("device").addEventListener("change", changeMicrophone);
at("file").addEventListener("change", ({target: {files}}) => translateFile(files[0]));
at("typed").addEventListener("keydown", typed);
at("token-form").addEventListener("submit", () => {
  sessionStorage.setItem(TOKEN, at("token").value.trim());
  at("token").value = "";
  load();
});
document.addEventListener("keydown", ({key}) => key === "Escape" && isReading() && read(false, columns));
navigator.mediaDevices?.addEventListener?.("devicechange", listDevices);
window.addEventListener("beforeunload", (event) => page.source && event.preventDefault());
for (const type of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", type === "dragover");
    if (type === "drop") translateFile(event.dataTransfer.files[0]);
  });
}
restore(columns);
load();
