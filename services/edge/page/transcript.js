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

  /** The transcript as a file's text: `form` is srt, vtt, txt or json. */
  as(form, lang) {
    const all = [...this.entries.values()].sort((one, other) => one.start_ms - other.start_ms);
    if (form === "json") return JSON.stringify(all, null, 1);
    if (form === "txt") return all.map((each) => [each.source?.text, ...Object.values(each.targets)].filter(Boolean).join("\n")).join("\n\n") + "\n";
    const lines = all.filter((each) => each.targets[lang]).map((each) => ({...each, text: flat(each.targets[lang])}));
    const cues = lines.map((each, at) => {
      const end = Math.max(each.end_ms, each.start_ms + 1000);
      const mark = form === "srt" ? "," : ".";
      const text = form === "srt" ? each.text.replaceAll("-->", "->").replaceAll("<", "(") : escaped(each.text);
      return `${form === "srt" ? `${at + 1}\n` : ""}${time(each.start_ms, mark)} --> ${time(end, mark)}\n${text}\n`;
    });
    return (form === "vtt" ? "WEBVTT\n\n" : "") + cues.join("\n");
  }
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
