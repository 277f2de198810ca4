// How the page looks: the size of captions, the reading mode, and a screen that stays on.

import {at, kept} from "./choices.js";

const SIZES = ["small", "normal", "large", "huge"];
let held = null; // what keeps the screen on

/** Show captions one size larger (1) or smaller (-1). */
export function resize(by, columns) {
  const now = SIZES.indexOf(document.body.dataset.size ?? "normal");
  const size = SIZES[Math.max(0, Math.min(SIZES.length - 1, now + by))];
  document.body.dataset.size = size;
  kept.put({size});
  for (const column of Object.values(columns)) column.follow();
}

/** Whether concluded text alone is shown, large. */
export const isReading = () => document.body.classList.contains("calm");

/** Begin or end the reading mode. */
export function read(calm, columns) {
  document.body.classList.toggle("calm", calm);
  at("calm").setAttribute("aria-pressed", String(calm));
  kept.put({calm});
  for (const column of Object.values(columns)) column.live();
}

/** Look as it was chosen before. */
export function restore(columns) {
  const before = kept.all();
  if (SIZES.includes(before.size)) document.body.dataset.size = before.size;
  if (before.calm || new URLSearchParams(location.search).has("reading")) read(true, columns);
}

/** Keep a phone's screen on while something is listened to, where the browser can. */
export async function stayOn(on) {
  try {
    if (on) held ??= await navigator.wakeLock?.request("screen");
    else await held?.release();
  } catch {
    // a battery that is low, or a page that is hidden
  }
  if (!on) held = null;
}
