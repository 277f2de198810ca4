// Recomputes from ledgers whether anything was lost, doubled, out of order or taken back, and prints what it finds as JSON.
//
//   node check.mjs FOLDER
//
// The rules are those of docs/protocol.md; the ledgers are as ../LEDGER.md has them.
import fs from "node:fs";
import path from "node:path";
import { Audit } from "./audit.mjs";
import { recoveries } from "./recovery.mjs";

const folder = process.argv[2];

function linesOf(file) {
  const lines = [];
  for (const text of fs.readFileSync(file, "utf8").split("\n")) {
    if (!text) continue;
    try {
      lines.push(JSON.parse(text));
    } catch {
      break; // torn: its writer was killed
    }
  }
  return lines;
}

const report = { sessions: 0, segments: 0, words: 0, gaps: 0, reconnected: 0, drift_ms: 0, faults: {}, recovery: [] };
const faultsFile = path.join(folder, "faults.jsonl");
const struck = fs.existsSync(faultsFile) ? linesOf(faultsFile) : [];
const kinds =
  "lost doubled reordered taken_back misplaced unsaid foreign errors unfinished negative early_ack".split(" ");
for (const kind of kinds) report.faults[kind] = [];

for (const file of fs.readdirSync(folder).sort()) {
  if (!file.endsWith(".ledger")) continue;
  const lines = linesOf(path.join(folder, file));
  if (!lines.length) continue;
  const audit = new Audit(lines);
  report.sessions += 1;
  report.segments += audit.segments;
  report.words += audit.words;
  report.gaps += audit.gaps.length;
  report.reconnected += audit.reconnected;
  report.drift_ms = Math.max(report.drift_ms, audit.drift());
  for (const [kind, what] of audit.faults()) report.faults[kind].push(`${lines[0].name}: ${what}`);
  report.recovery.push(...recoveries(lines, struck));
}
process.stdout.write(`${JSON.stringify(report)}\n`);
