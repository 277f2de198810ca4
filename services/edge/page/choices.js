// What is chosen on the page: languages, voice, pace, terms and looks. It is remembered in this browser.

import {VOICE_RATE} from "./audio.js";

const KEPT = "babelmesh-settings";
export const NO_VOICE = "-";
const names = new Intl.DisplayNames(["en"], {type: "language"});

/** @param {string} id @returns {any} */
export const at = (id) => document.getElementById(id);

/** The language of a tag without its region. */
export const language = (tag) => tag.split("-")[0].toLowerCase();

/** A language's name, or its tag. */
export const named = (tag) => names.of(tag) ?? tag;

/** Choices that last, each under a name. A browser that keeps nothing is no fault. */
export const kept = {
  all() {
    try {
      return JSON.parse(localStorage.getItem(KEPT) ?? "{}") ?? {};
    } catch {
      return {};
    }
  },
  put(changes) {
    try {
      localStorage.setItem(KEPT, JSON.stringify({...kept.all(), ...changes}));
    } catch {
      // a browser that keeps nothing
    }
  },
};

/** The settings' selects, filled with what the server offers. */
export class Choices {
  constructor(described) {
    this.described = described;
    const before = kept.all();
    const wished = Object.fromEntries(new URLSearchParams(location.search));
    fill(at("source"), [...new Set(described.pairs.map((each) => each.source_lang))], wished.from ?? before.source);
    this.fillTargets(wished.to ?? before.target);
    if ([...at("pace").options].some((each) => each.value === before.pace)) at("pace").value = before.pace;
    at("line").value = before.line === "webrtc" ? "webrtc" : "socket";
    at("glossary").value = before.glossary ?? "";
    this.fillVoices();
  }

  fillTargets(chosen) {
    const spoken = at("source").value;
    const into = this.described.pairs.filter((each) => each.source_lang === spoken).map((each) => each.target_lang);
    fill(at("target"), [...new Set(into)], chosen || at("target").value || "es");
  }

  fillVoices() {
    const tag = at("target").value;
    const options = this.voices(tag).map((each) => new Option(each.name, each.name));
    at("voice").replaceChildren(...(options.length ? [new Option("Default", ""), ...options] : []), new Option("None, captions only", NO_VOICE));
    const before = kept.all().voices?.[tag];
    if ([...at("voice").options].some((each) => each.value === before)) at("voice").value = before;
    at("target-name").textContent = tag ? named(tag) : "Translation";
    at("source-name").textContent = at("source").value ? named(at("source").value) : "Spoken";
    at("swap").disabled = !this.canSwap();
  }

  voices(tag) {
    return this.described.voices?.filter((each) => language(each.lang) === language(tag)) ?? [];
  }

  /** Whether the chosen target has no voice here. */
  get mute() {
    return Boolean(at("target").value) && !this.voices(at("target").value).length;
  }

  get target() {
    const [lang, voice] = [at("target").value, at("voice").value];
    return voice === NO_VOICE ? {lang, delivery: "captions"} : {lang, voice};
  }

  /** What a session is asked for. */
  session(rate) {
    const {terms} = glossary();
    return {
      source_lang: at("source").value,
      targets: [this.target],
      input: rate ? {format: "pcm16le", sample_rate: rate} : null, // typed text needs no recognizer
      output: {format: "pcm16le", sample_rate: VOICE_RATE},
      stabilization: at("pace").value,
      ...(Object.keys(terms).length ? {dictionary: terms} : {}),
    };
  }

  canSwap() {
    return this.described.pairs.some((each) => each.source_lang === at("target").value && each.target_lang === at("source").value);
  }

  swap() {
    const [from, to] = [at("source").value, at("target").value];
    at("source").value = to;
    this.fillTargets(from);
    this.fillVoices();
  }

  remember() {
    const voices = {...kept.all().voices, [at("target").value]: at("voice").value};
    kept.put({source: at("source").value, target: at("target").value, pace: at("pace").value, line: at("line").value, voices});
  }
}

function fill(select, tags, chosen) {
  const options = tags.map((tag) => new Option(named(tag), tag)).sort((one, other) => one.text.localeCompare(other.text));
  select.replaceChildren(...options);
  const wanted = tags.find((tag) => tag === chosen) ?? tags.find((tag) => language(tag) === language(chosen ?? navigator.language));
  if (wanted) select.value = wanted;
}

/** The terms as they are typed, and the lines that are none. */
export function glossary() {
  const terms = {};
  const wrong = [];
  for (const line of at("glossary").value.split("\n").filter((each) => each.trim())) {
    const [term, translation, ...more] = line.split("=").map((each) => each.trim());
    if (term && translation && !more.length) terms[term] = translation;
    else wrong.push(line.trim());
  }
  return {terms, wrong};
}
