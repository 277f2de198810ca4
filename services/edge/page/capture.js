// The microphone as mono samples of 16 bits. At 48 kHz every third sample of a low-pass is sent, 16 kHz; at other rates
// all are, which the server converts. A message has 100 ms.

const TAPS = 63;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate === 48000 ? 3 : 1;
    this.filter = lowpass(TAPS, 0.47 / 3);
    this.past = new Float32Array(TAPS - 1);
    this.phase = 0;
    this.room = Math.round(sampleRate / this.step / 10);
    this.filled = 0;
    this.out = new Int16Array(this.room);
    this.peak = 0;
  }

  process([channels]) {
    if (!channels?.length) return true;
    const mono = channels[0];
    const all = new Float32Array(this.past.length + mono.length);
    all.set(this.past);
    all.set(mono, this.past.length);
    for (let at = 0; at < mono.length; at += 1) {
      this.phase += 1;
      if (this.phase < this.step) continue;
      this.phase = 0;
      this.add(this.step === 1 ? mono[at] : this.filtered(all, at));
    }
    this.past = all.slice(all.length - this.past.length);
    return true;
  }

  filtered(all, at) {
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap += 1) sum += this.filter[tap] * all[at + tap];
    return sum;
  }

  add(value) {
    const clipped = Math.max(-1, Math.min(1, value));
    this.peak = Math.max(this.peak, Math.abs(clipped));
    this.out[this.filled] = Math.round(clipped * 32767);
    this.filled += 1;
    if (this.filled < this.room) return;
    this.port.postMessage({samples: this.out, peak: this.peak}, [this.out.buffer]);
    this.out = new Int16Array(this.room);
    this.filled = 0;
    this.peak = 0;
  }
}

/** A windowed sinc; `cutoff` is in parts of the sampling rate. */
function lowpass(taps, cutoff) {
  const middle = (taps - 1) / 2;
  const weights = Array.from({length: taps}, (_, at) => {
    const x = at - middle;
    const sinc = x === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * x) / (Math.PI * x);
    return sinc * (0.54 - 0.46 * Math.cos((2 * Math.PI * at) / (taps - 1)));
  });
  const sum = weights.reduce((total, each) => total + each, 0);
  return Float32Array.from(weights, (each) => each / sum);
}

registerProcessor("capture", Capture);
