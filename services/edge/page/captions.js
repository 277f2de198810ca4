// Captions on the page: concluded text solid, the rest light, replaced in place, written once per frame.

/** Durations of the last updates in milliseconds, for whoever looks at them. */
export const frameTimes = [];
const NEAR = 48; // pixels from the newest line, within which a column follows it
const MOST_TIMES = 2000;
const RIGHT_TO_LEFT = new Set(["ar", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "ug", "ur", "yi"]);
const MOST_LINES = 400; // that stay on the page; the transcript keeps all

/** One column of lines, by key. */
export class Column {
  constructor(element, jump) {
    this.element = element;
    this.lines = new Map();
    this.following = true;
    let before = 0;
    element.addEventListener("scroll", () => {
      const {scrollTop, scrollHeight, clientHeight} = element;
      if (scrollHeight - scrollTop - clientHeight < NEAR) this.following = true;
      else if (scrollTop < before) this.following = false; // the reader scrolled back; lines that grow do not count
      before = scrollTop;
      if (jump) jump.hidden = this.following;
    });
  }

  write(key, {text, stable_length: stable, final, lang}) {
    let line = this.lines.get(key);
    if (!line) {
      line = document.createElement("p");
      line.append(document.createElement("span"), document.createElement("span"));
      line.lastChild.className = "tentative";
      line.dir = "auto";
      this.lines.set(key, line);
      this.element.append(line);
      if (this.lines.size > MOST_LINES) this.drop(this.lines.keys().next().value);
    }
    if (lang && line.lang !== lang) {
      line.lang = lang;
      line.dir = RIGHT_TO_LEFT.has(lang.split("-")[0].toLowerCase()) ? "rtl" : "ltr";
    }
    const letters = final ? null : [...text];
    const solid = final ? text : letters.slice(0, stable).join("");
    const rest = final ? "" : letters.slice(stable).join("");
    if (line.firstChild.textContent !== solid) line.firstChild.textContent = solid;
    if (line.lastChild.textContent !== rest) line.lastChild.textContent = rest;
  }

  drop(key) {
    this.lines.get(key)?.remove();
    this.lines.delete(key);
  }

  follow() {
    if (this.following) this.element.scrollTop = this.element.scrollHeight;
  }

  /** Follow the newest line again. */
  live() {
    this.following = true;
    this.follow();
  }

  clear() {
    this.element.replaceChildren();
    this.lines.clear();
    this.live();
  }
}

/** Gathers updates of columns, and writes the newest of each line in the next frame. */
export class Painter {
  constructor() {
    this.waiting = new Map();
    this.asked = false;
  }

  put(column, key, result) {
    if (!this.waiting.has(column)) this.waiting.set(column, new Map());
    this.waiting.get(column).set(key, result);
    if (this.asked) return;
    this.asked = true;
    const later = document.hidden ? (paint) => setTimeout(paint, 250) : requestAnimationFrame;
    later(() => this.paint());
  }

  paint() {
    const began = performance.now();
    this.asked = false;
    for (const [column, lines] of this.waiting) {
      for (const [key, result] of lines) column.write(key, result);
      column.follow();
    }
    this.waiting.clear();
    frameTimes.push(performance.now() - began);
    if (frameTimes.length > MOST_TIMES) frameTimes.shift();
  }
}
