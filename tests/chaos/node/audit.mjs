// One session, audited. Each rule is a generator of [kind, what].
const COVERED = 0.6; // of an utterance's time must lie inside final results
const OFF_MS = 150;
const SETTLING = 5;
const BACKWARDS_MS = 60; // latency is told in whole milliseconds of clocks that tick apart

const plain = (text) => text.toLowerCase().split(/\s+/).map((word) => word.replace(/[.,]+$/, "")).filter(Boolean);
const middle = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

export class Audit {
  constructor(lines) {
    [this.head] = lines;
    this.all = lines;
    this.lines = lines.filter((line) => !line.dropped);
    this.utterances = this.of("utterance");
    this.transcripts = this.of("asr");
    this.flows = this.of("flow");
    this.gaps = this.flows.flatMap((flow) => flow.gaps);
    this.reconnected = Math.max(0, this.of("ready").length - 1);
    this.segments = this.transcripts.filter((line) => line.final).length;
    this.words = this.utterances.reduce((sum, each) => sum + each.words.length, 0);
  }

  of(kind) {
    return this.lines.filter((line) => line.kind === kind);
  }

  into(lang) {
    return this.of("translation").filter((line) => line.target_lang === lang);
  }

  *faults() {
    yield* this.endings();
    yield* this.stream(this.transcripts, "transcript");
    yield* this.coverage(this.transcripts, "transcript", "");
    for (const lang of this.head.targets) {
      yield* this.stream(this.into(lang), lang);
      yield* this.coverage(this.into(lang), lang, `-${lang}`);
      yield* this.company(lang);
      yield* this.clock(lang);
      yield* this.saying(lang);
    }
    yield* this.bounds();
    yield* this.acks();
    yield* this.latencies();
  }

  // One end per target, then the session's, then nothing.
  *endings() {
    for (const line of [...this.of("error"), ...this.of("failed")]) yield ["errors", `${line.kind} ${line.code}`];
    const ends = this.of("end").map((line) => line.target_lang);
    for (const lang of [...this.head.targets, ""]) {
      const times = ends.filter((each) => each === lang).length;
      if (times !== 1) yield ["unfinished", `${times} ends of "${lang}"`];
    }
    if (ends.length && ends[ends.length - 1] !== "") yield ["unfinished", "the session ended before a target"];
    if (this.all[this.all.length - 1].kind !== "over") yield ["unfinished", "the client did not hear it out"];
  }

  // Segments from 1 without gaps, finals in their order, nothing behind a final, revisions rising, concluded text growing.
  *stream(results, name) {
    const open = new Map();
    let next = 1;
    for (const line of results) {
      const had = open.get(line.segment_id) ?? { revision: 0, concluded: "", final: false, t: 0 };
      const where = `${name} ${line.segment_id}.${line.revision}`;
      if (had.final) yield [line.final ? "doubled" : "reordered", `${where} came behind the final`];
      const again = this.readiedBetween(had.t, line.t); // results that are made again are numbered again
      if (line.revision <= had.revision && !(again && line.final)) yield ["reordered", `${where} after revision ${had.revision}`];
      const concluded = line.text.slice(0, codeUnits(line.text, line.stable_length));
      const corrected = name === "transcript" && line.final && line.corrected;
      if (!corrected && !line.text.startsWith(had.concluded)) yield ["taken_back", `${where} unsays what was concluded`];
      if (line.final && !had.final) {
        if (line.segment_id < next) yield ["reordered", `${where} is final after that of ${next - 1}`];
        for (; next < line.segment_id; next += 1) yield ["lost", `${name} ${next} has no final before that of ${line.segment_id}`];
        next = Math.max(next, line.segment_id + 1);
      }
      const longer = concluded.length > had.concluded.length || corrected ? concluded : had.concluded;
      open.set(line.segment_id, { revision: line.revision, concluded: longer, final: line.final || had.final, t: line.t });
    }
    for (const [segment, { final }] of open) if (!final) yield ["lost", `${name} ${segment} never became final`];
  }

  readiedBetween(from, to) {
    return this.lines.some((line) => line.kind === "ready" && line.t > from && line.t <= to);
  }

  // Whatever was said lies inside final results, and its words are among theirs, each once and in order.
  *coverage(results, name, suffix) {
    const finals = results.filter((line) => line.final && line.text);
    const texts = finals.flatMap((line) => plain(line.text));
    const seen = new Map();
    texts.forEach((word, index) => seen.set(word, [...(seen.get(word) ?? []), index]));
    let last = -1;
    for (const each of this.utterances) {
      if (this.excused(each, suffix)) continue;
      const length = each.to_ms - each.from_ms;
      const inside = finals.map((line) => Math.min(line.end_ms, each.to_ms) - Math.max(line.start_ms, each.from_ms));
      const covered = inside.filter((ms) => ms > 0).reduce((sum, ms) => sum + ms, 0);
      if (covered < COVERED * length) yield ["lost", `${name}: ${each.from_ms} to ${each.to_ms} ms: ${covered} ms of it are there`];
      for (const word of each.words) {
        const places = seen.get(`${word}${suffix}`) ?? [];
        if (!places.length) yield ["lost", `${name}: ${word}${suffix}`];
        if (places.length > 1) yield ["doubled", `${name}: ${word}${suffix} ${places.length} times`];
        if (places.length && places[0] <= last) yield ["reordered", `${name}: ${word}${suffix}`];
        last = Math.max(last, places[0] ?? last);
      }
    }
    if (!this.words) return;
    const own = new RegExp(`^s${this.head.speaker}w\\d+${suffix}$`);
    for (const word of texts) if (!own.test(word)) yield ["foreign", `${name}: ${word}`];
  }

  // A gap names a part of the source; a degraded note without end names a segment whose translation was given up.
  excused(utterance, suffix) {
    const given = this.flows.flatMap((flow) => flow.degraded).filter((each) => each.stage === "STAGE_MT" && each.segment_id && !each.over);
    const numbers = new Set(given.map((each) => each.segment_id));
    const parts = this.transcripts.filter((line) => suffix && line.final && numbers.has(line.segment_id));
    const spans = [...this.gaps.map((gap) => [gap.from_ms, gap.to_ms]), ...parts.map((line) => [line.start_ms, line.end_ms])];
    return spans.some(([from, to]) => from < utterance.to_ms && to > utterance.from_ms);
  }

  // A language has a final translation for each final transcript, and for nothing else.
  *company(lang) {
    const heard = new Set(this.transcripts.filter((line) => line.final).map((line) => line.segment_id));
    const translated = new Set(this.into(lang).filter((line) => line.final).map((line) => line.segment_id));
    for (const segment of heard) if (!translated.has(segment)) yield ["lost", `${lang}: segment ${segment} is not translated`];
    for (const segment of translated) if (!heard.has(segment)) yield ["misplaced", `${lang}: segment ${segment} was never heard`];
  }

  // The voice's own clock counts what was sent of it.
  *clock(lang) {
    let samples = 0;
    for (const line of this.of("tts").filter((each) => each.target_lang === lang)) {
      const expected = (samples * 1000) / line.sample_rate;
      if (Math.abs(line.offset_ms - expected) > 1.5) {
        yield ["misplaced", `${lang}: speech at ${line.offset_ms} ms, ${expected.toFixed(0)} ms were sent before`];
        samples = (line.offset_ms * line.sample_rate) / 1000;
      }
      samples += line.data_bytes / 2;
    }
  }

  // What is spoken is the final translation. Not decidable of a client that was told the beginning of a clause twice.
  *saying(lang) {
    if (this.reconnected && this.head.client === "node") return;
    const left = this.flows.flatMap((flow) => flow.degraded.map((each) => ({ ...each, kind: "left_out", t: flow.t })));
    const named = left.filter((each) => each.stage === "STAGE_TTS" && (!each.target_lang || each.target_lang === lang));
    const spoken = this.of("tts").filter((line) => line.target_lang === lang);
    const both = [...spoken, ...named].sort((one, other) => one.t - other.t);
    for (const line of this.into(lang).filter((each) => each.final)) {
      const said = both.filter((each) => each.segment_id === line.segment_id).flatMap((each) => plain(each.text));
      if (said.join(" ") !== plain(line.text).join(" ")) yield ["unsaid", `${lang}: segment ${line.segment_id}`];
    }
  }

  places() {
    const found = [];
    for (const line of this.transcripts.filter((each) => each.final)) {
      const held = this.utterances.filter((each) => each.from_ms < line.end_ms && line.start_ms < each.to_ms);
      if (held.length !== 1 || plain(line.text).length !== held[0].words.length) continue;
      found.push({ segment: line.segment_id, start: line.start_ms - held[0].from_ms, end: line.end_ms - held[0].to_ms });
    }
    return found;
  }

  *bounds() {
    for (const { segment, start, end } of this.places()) {
      if (Math.abs(start) > OFF_MS || Math.abs(end) > OFF_MS) yield ["misplaced", `segment ${segment}: ${start} and ${end} ms off`];
    }
  }

  // How much the bounds of segments move against what was said, from the first few on.
  drift() {
    const found = this.places();
    if (found.length <= SETTLING) return 0;
    const settled = found.slice(0, SETTLING);
    const usual = { start: middle(settled.map((each) => each.start)), end: middle(settled.map((each) => each.end)) };
    return Math.max(...found.map((each) => Math.max(Math.abs(each.start - usual.start), Math.abs(each.end - usual.end))));
  }

  // An ack never goes back, and nothing that ends before it comes later.
  *acks() {
    let acked = -1;
    for (const line of this.lines) {
      if (line.kind === "ready" && this.head.client === "node") acked = -1; // what comes again is acknowledged again
      if (line.kind === "ack") {
        if (line.finalized_offset_ms < acked) yield ["early_ack", `ack of ${line.finalized_offset_ms} ms after that of ${acked}`];
        acked = line.finalized_offset_ms;
      }
      const text = line.kind === "asr" || line.kind === "translation";
      if (text && line.end_ms <= acked) yield ["early_ack", `${line.kind} ${line.segment_id} came after the ack of its end`];
    }
  }

  // Steps of a segment's life follow each other. What is sent again comes faster than it was spoken: it can be recognized
  // "before" it was, as the page has it of files.
  *latencies() {
    for (const line of this.of("latency")) {
      const spoken = this.reconnected ? 0 : line.captured_ms;
      const steps = [spoken, line.recognized_ms, line.translated_ms, line.sent_ms].filter(Boolean);
      const back = steps.some((ms, index) => index > 0 && steps[index - 1] - ms > BACKWARDS_MS);
      if (back || steps.some((ms) => ms < 0)) yield ["negative", `segment ${line.segment_id}: ${steps.join(", ")} ms`];
    }
  }
}

// Lengths on the wire are in code points, those of a string in code units.
function codeUnits(text, codePoints) {
  return [...text].slice(0, codePoints).join("").length;
}
