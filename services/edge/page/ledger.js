// The ledger: of each segment, when it was recognized, translated and first heard.

const MOST_ROWS = 100;
const EXCERPT = 40; // characters of a segment that tell which it is

/** A table's rows, the newest first. */
export class Ledger {
  constructor(body) {
    this.body = body;
    this.texts = new Map();
  }

  /** Remember how a segment begins. */
  named(key, text) {
    this.texts.set(key, text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text);
    if (this.texts.size > MOST_ROWS) this.texts.delete(this.texts.keys().next().value);
  }

  /** Add the account of a segment in one language. */
  add(key, {target_lang, captured_ms, received_ms, recognized_ms, translated_ms, first_audio_ms}) {
    const from = captured_ms ?? received_ms ?? recognized_ms;
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.dir = "auto";
    head.textContent = this.texts.get(key) ?? key;
    row.append(head, cell(target_lang), ...[recognized_ms, translated_ms, first_audio_ms].map((at) => cell(seconds(at, from))));
    this.body.prepend(row);
    if (this.body.childElementCount > MOST_ROWS) this.body.lastChild.remove();
  }
}

function seconds(at, from) {
  return at === undefined || from === undefined ? "–" : ((at - from) / 1000).toFixed(2);
}

function cell(text) {
  const made = document.createElement("td");
  made.textContent = text;
  return made;
}
