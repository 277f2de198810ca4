// Finds out whether the microphone hears the translated voice: its level follows the level of what is played.

const KEPT = 60; // steps of 100 ms
const LATEST = 5; // steps that sound takes to come back at most
const LEAST_PLAYED = 20; // steps with voice, before anything is said
const AUDIBLE = 0.02;
const ALIKE = 0.75;
const FLOOR = 0.001;

/** The levels of the last seconds, played and heard. */
export class EchoWatch {
  constructor() {
    this.played = [];
    this.heard = [];
  }

  /** Add a step's peaks, 0 to 1; returns whether the microphone hears what is played. */
  add(played, heard) {
    for (const [levels, peak] of [[this.played, played], [this.heard, heard]]) {
      levels.push(Math.log(Math.max(peak, FLOOR)));
      if (levels.length > KEPT) levels.shift();
    }
    if (this.played.filter((level) => level > Math.log(AUDIBLE)).length < LEAST_PLAYED) return false;
    for (let late = 0; late <= LATEST; late += 1) {
      if (alike(this.played.slice(0, this.played.length - late), this.heard.slice(late)) > ALIKE) return true;
    }
    return false;
  }
}

/** The correlation of two rows of numbers; 0 where one of them stays the same. */
function alike(one, other) {
  const mean = (row) => row.reduce((sum, each) => sum + each, 0) / row.length;
  const [of, to] = [mean(one), mean(other)];
  let [both, first, second] = [0, 0, 0];
  for (let at = 0; at < one.length; at += 1) {
    both += (one[at] - of) * (other[at] - to);
    first += (one[at] - of) ** 2;
    second += (other[at] - to) ** 2;
  }
  return first && second ? both / Math.sqrt(first * second) : 0;
}
