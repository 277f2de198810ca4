// Sound in and out: a microphone or a file as samples, and the translated voice over the original, which is ducked.

const DUCKED = 0.15;
const RAMP_SECONDS = 0.15;
const FILE_RATE = 16000;
const CHUNK_MS = 100;
const AHEAD_SECONDS = 0.05;

export const VOICE_RATE = 24000;

function bus(node) {
  node.connect(node.context.destination);
  return node;
}

/** Plays the translated voice, and turns the original down meanwhile. */
export class Player {
  constructor() {
    this.context = null; // of the original
    this.speaking = null; // of the voice: of its own rate, so that nothing is heard where one chunk ends and the next begins
    this.until = 0; // when what is scheduled has been played
    this.playing = new Set();
  }

  /** Begin to play; browsers allow it only from a click or a key. */
  async open() {
    this.context ??= new AudioContext();
    this.speaking ??= new AudioContext({sampleRate: VOICE_RATE});
    this.original ??= bus(new GainNode(this.context));
    this.voice ??= bus(new AnalyserNode(this.speaking, {fftSize: 2048})); // 85 ms
    await Promise.all([this.context.resume(), this.speaking.resume()]);
  }

  /** The peak of the voice that is being played, 0 to 1. */
  level() {
    if (!this.playing.size) return 0;
    const wave = new Float32Array(this.voice.fftSize);
    this.voice.getFloatTimeDomainData(wave);
    return wave.reduce((peak, each) => Math.max(peak, Math.abs(each)), 0);
  }

  /** Play a chunk behind those before it. */
  play(bytes, rate, played) {
    if (!this.context || bytes.length < 2) return;
    const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
    const buffer = this.speaking.createBuffer(1, samples.length, rate);
    const channel = buffer.getChannelData(0);
    for (let at = 0; at < samples.length; at += 1) channel[at] = samples[at] / 32768;
    const node = new AudioBufferSourceNode(this.speaking, {buffer});
    node.connect(this.voice);
    const now = this.speaking.currentTime;
    if (this.until < now) this.until = now + AHEAD_SECONDS;
    node.start(this.until);
    this.until += buffer.duration;
    this.playing.add(node);
    this.duck(DUCKED);
    node.onended = () => {
      this.playing.delete(node);
      played?.();
      if (!this.playing.size) this.duck(1);
    };
  }

  /** Stop what is scheduled. */
  hush() {
    for (const node of this.playing) node.stop();
    this.until = 0;
  }

  duck(gain) {
    this.original.gain.setTargetAtTime(gain, this.context.currentTime, RAMP_SECONDS / 3);
  }
}

/** The microphone: calls `heard(samples, peak)` every 100 ms, and `gone()` when it is disconnected. Its `rate` is that
 * of the samples. */
export class Microphone {
  static async open(deviceId, heard, gone) {
    const wanted = {echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1};
    const stream = await navigator.mediaDevices.getUserMedia({audio: {...wanted, ...(deviceId ? {deviceId: {exact: deviceId}} : {})}});
    let context = new AudioContext();
    if (context.sampleRate > 48000) {
      await context.close();
      context = new AudioContext({sampleRate: 48000});
    }
    await context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const node = new AudioWorkletNode(context, "capture", {numberOfOutputs: 0});
    node.port.onmessage = ({data}) => heard(data.samples, data.peak);
    new MediaStreamAudioSourceNode(context, {mediaStream: stream}).connect(node);
    stream.getAudioTracks()[0].addEventListener("ended", gone);
    await context.resume();
    return new Microphone(stream, context);
  }

  constructor(stream, context) {
    this.stream = stream;
    this.context = context;
    this.rate = context.sampleRate === 48000 ? 16000 : context.sampleRate;
  }

  get track() {
    return this.stream.getAudioTracks()[0];
  }

  async close() {
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
  }
}

/** A file, played through the player's original and heard at its own pace. */
export class FileSource {
  static async open(file, player) {
    const decoded = await player.context.decodeAudioData(await file.arrayBuffer());
    const offline = new OfflineAudioContext(1, Math.ceil(decoded.duration * FILE_RATE), FILE_RATE);
    const node = new AudioBufferSourceNode(offline, {buffer: decoded});
    node.connect(offline.destination);
    node.start();
    const mono = (await offline.startRendering()).getChannelData(0);
    return new FileSource(decoded, mono, player);
  }

  constructor(decoded, mono, player) {
    this.rate = FILE_RATE;
    this.mono = mono;
    this.player = player;
    this.node = new AudioBufferSourceNode(player.context, {buffer: decoded});
    this.node.connect(player.original);
  }

  /** Call `heard(samples, peak)` as the file is played; resolves at its end. */
  async run(heard) {
    this.node.start();
    const began = performance.now();
    const step = (FILE_RATE * CHUNK_MS) / 1000;
    for (let at = 0; at < this.mono.length && !this.stopped; at += step) {
      const wait = began + ((at + step) / FILE_RATE) * 1000 - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const part = this.mono.subarray(at, at + step);
      heard(Int16Array.from(part, (each) => Math.max(-1, Math.min(1, each)) * 32767), part.reduce((peak, each) => Math.max(peak, Math.abs(each)), 0));
    }
  }

  close() {
    this.stopped = true;
    this.node.stop();
  }
}
