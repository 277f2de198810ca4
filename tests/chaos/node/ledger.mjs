// A session's ledger, as ../LEDGER.md has it.
import fs from "node:fs";
import path from "node:path";

// Node's high-resolution clock is CLOCK_MONOTONIC, which Python's time.monotonic() reads as well.
export const now = () => Number(process.hrtime.bigint()) / 1e9;

export class Ledger {
  constructor(folder, name, speaker, targets) {
    fs.mkdirSync(folder, { recursive: true });
    this.stream = fs.createWriteStream(path.join(folder, `${name}.ledger`));
    this.note("session", { name, speaker, targets, client: "node" });
  }

  note(kind, rest = {}) {
    this.stream.write(`${JSON.stringify({ t: now(), kind, ...rest })}\n`);
  }

  got(kind, message, more = {}) {
    this.note(kind, { ...plain(message), ...more });
  }

  close() {
    this.note("over");
    return new Promise((resolve) => this.stream.end(resolve));
  }
}

// Bytes become their number.
function plain(message) {
  const fields = {};
  for (const [name, value] of Object.entries(message)) {
    if (Buffer.isBuffer(value)) fields[`${name}_bytes`] = value.length;
    else fields[name] = value;
  }
  return fields;
}
