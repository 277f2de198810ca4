// What the sessions of client.mjs say: a square wave of 500 Hz, 1088 ms of every 2560 ms, as loud as 1000 plus ten times the
// speaker's number. The scripted recognizer of the chaos suite names each 256 ms of it: "s12w34" is speaker 12's word whose end
// is nearest to 34 times 256 ms.
export const RATE = 16_000;
export const CHUNK_MS = 256;
const LEAD_MS = 512;
const PERIOD_MS = 2560;
const SPOKEN_MS = 1088;
const WORD_MS = 256;
const PLACE_MS = 256;

export const samples = (ms) => (ms * RATE) / 1000;

export function chunk(speaker, offset, count) {
  const data = Buffer.alloc(2 * count);
  for (let index = 0; index < count; index += 1) {
    const place = offset + index - samples(LEAD_MS);
    if (place < 0 || place % samples(PERIOD_MS) >= samples(SPOKEN_MS)) continue;
    const sign = place % 32 < 16 ? 1 : -1;
    data.writeInt16LE(sign * (1000 + 10 * speaker), 2 * index);
  }
  return data;
}

// The utterances that end after one offset and not after another.
export function* utterances(speaker, beforeMs, afterMs) {
  for (let from = LEAD_MS; from + SPOKEN_MS <= afterMs; from += PERIOD_MS) {
    if (from + SPOKEN_MS <= beforeMs) continue;
    const words = [];
    for (let end = from + WORD_MS; end <= from + SPOKEN_MS; end += WORD_MS) {
      words.push(`s${speaker}w${Math.round(end / PLACE_MS)}`);
    }
    yield { from_ms: from, to_ms: from + SPOKEN_MS, words };
  }
}

// Whether nobody has spoken for long enough that the utterance before is over.
export const isPause = (ms) => ms > LEAD_MS && (ms - LEAD_MS) % PERIOD_MS >= PERIOD_MS - CHUNK_MS;
