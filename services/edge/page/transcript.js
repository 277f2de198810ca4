// The transcript: all finals of a page's sessions, and the forms in which they are kept.

/** Finals by session and segment, on one clock. */
export class Transcript {
  constructor() {
    this.entries = new Map();
  }

  transcribed(key, base_ms, event) {
    this.entry(key, base_ms, event).source = {lang: event.lang, text: event.text};
  }

  translated(key, base_ms, event) {
    this.entry(key, base_ms, event).targets[event.target_lang] = event.retranslation || event.text;
  }

  entry(key, base_ms, event) {
    if (!this.entries.has(key)) {
      this.entries.set(key, {start_ms: base_ms + event.start_ms, end_ms: base_ms + event.end_ms, source: null, targets: {}});
    }
    return this.entries.get(key);
  }

  clear() {
    this.entries.clear();
  }

  /** The transcript as a file's text: `form` is srt, vtt, txt or json; `what` is target, source or both. */
  as(form, what) {
    const all = [...this.entries.values()].sort((one, other) => one.start_ms - other.start_ms);
    if (form === "json") return JSON.stringify(all, null, 1);
    const told = all.map((each) => ({...each, texts: texts(each, what).map(flat).filter(Boolean)})).filter((each) => each.texts.length);
    if (form === "txt") return told.map((each) => each.texts.join("\n") + "\n").join(what === "both" ? "\n" : "");
    return (form === "vtt" ? "WEBVTT\n\n" : "") + told.map((each, at) => cue(form, each, at + 1)).join("\n");
  }
}

/** The texts of a segment that are asked for: its translations are in the languages that were chosen by then. */
function texts({source, targets}, what) {
  return [...(what === "target" ? [] : [source?.text ?? ""]), ...(what === "source" ? [] : Object.values(targets))];
}

function cue(form, {start_ms, end_ms, texts: lines}, number) {
  const end = Math.max(end_ms, start_ms + 1000);
  const srt = form === "srt";
  const text = lines.map((each) => (srt ? each.replaceAll("-->", "->").replaceAll("<", "(") : escaped(each))).join("\n");
  return `${srt ? `${number}\n` : ""}${time(start_ms, srt ? "," : ".")} --> ${time(end, srt ? "," : ".")}\n${text}\n`;
}

function flat(text) {
  return text.split(/\s+/).join(" ").trim();
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function time(milliseconds, mark) {
  const whole = Math.max(0, Math.round(milliseconds));
  const two = (value) => String(value).padStart(2, "0");
  const seconds = Math.floor(whole / 1000);
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${mark}${String(whole % 1000).padStart(3, "0")}`;
}
