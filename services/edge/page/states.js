// What the page says of itself: one state in the status line, and below it the advice that is due.

/** The states, the most urgent first: of those that hold, the first is shown. */
const STATES = {
  fault: (text) => text,
  lost: () => "Connection lost: trying again. What you say is kept.",
  away: () => "Connection lost: trying again. What you say meanwhile is lost.",
  refused: () => "No connection yet: trying again.",
  connecting: () => "Connecting …",
  silent: () => "Nothing is heard.",
  behind: (seconds) => `Listening, ${seconds} s behind.`,
  listening: () => "Listening.",
  ending: () => "Finishing what was said …",
  open: () => "Connected.",
  ended: () => "Ended. The transcript is kept below.",
  idle: () => "Ready.",
};

/** The state and the advice of a page, in an element each. */
export class States {
  constructor(status, advice) {
    this.status = status;
    this.advice = advice;
    this.held = new Map([["idle", undefined]]);
    this.due = new Map();
  }

  /** Say that a state holds, or with `false` that it does not. */
  set(state, holds, told) {
    if (holds) this.held.set(state, told);
    else this.held.delete(state);
    const shown = Object.keys(STATES).find((each) => this.held.has(each));
    const text = STATES[shown](this.held.get(shown));
    if (this.status.textContent !== text) this.status.textContent = text;
    this.status.dataset.state = shown;
  }

  /** Whether a state holds. */
  has(state) {
    return this.held.has(state);
  }

  /** Leave all states of a session. */
  reset() {
    for (const state of Object.keys(STATES)) if (state !== "idle") this.held.delete(state);
    this.set("idle", true);
  }

  /** Give advice under a name; without text it is no longer due. The newest warning is shown, else the newest advice. */
  advise(name, text = "", level = "") {
    this.due.delete(name);
    if (text) this.due.set(name, {text, level});
    const all = [...this.due.values()];
    const shown = all.findLast((each) => each.level === "warn") ?? all.at(-1) ?? {text: "", level: ""};
    if (this.advice.textContent !== shown.text) this.advice.textContent = shown.text;
    this.advice.dataset.state = shown.level;
  }
}
