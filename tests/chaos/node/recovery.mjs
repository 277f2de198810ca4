// How long a session stood still after a fault that it was in the hands of: from the instant of the fault to the first message
// that cannot have been under way before it. That is the echo of a ping sent after the fault, or a result about speech that
// had not been sent when it struck.
export function recoveries(lines, struck) {
  const { name } = lines[0];
  const found = [];
  for (const fault of struck) {
    if (!fault.affected.includes(name)) continue;
    let sent = 0;
    let seconds = null;
    for (const line of lines) {
      if (line.kind === "audio" && line.t <= fault.t) sent = Math.max(sent, line.offset_ms + line.ms);
      if (line.t <= fault.t || line.dropped) continue;
      const echo = line.kind === "marker" && line.marker === fault.label;
      const newer = (line.kind === "asr" || line.kind === "translation") && line.end_ms > sent;
      const ended = line.kind === "end" && line.target_lang === "";
      if (!echo && !newer && !ended) continue;
      seconds = line.t - fault.t;
      break;
    }
    found.push({ label: fault.label, session: name, seconds });
  }
  return found;
}
