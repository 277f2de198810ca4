// The page of those who run the mesh: what a gateway tells of it once a second, drawn in place.

const TOKEN = "babelmesh-operator-token";
const KEPT = 300; // seconds of the charts
const AGAIN_MS = 2000;
const SILENT_MS = 5000; // without a message, after which what is shown is old

/** @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);
const history = {sessions: [], lag: []};
let last = 0;

async function watch() {
  for (;;) {
    try {
      const answer = await fetch("/v1/operator", {headers: authorization()});
      if (answer.ok) await read(answer.body);
      else if (!(await refused(answer))) return;
      else stale("The stream ended: trying again.");
    } catch {
      stale("The edge does not answer: trying again.");
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function authorization() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? {Authorization: `Bearer ${token}`} : {};
}

/** Show why there is nothing to see; returns whether it is worth another try. */
async function refused(answer) {
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401 || (answer.status === 403 && problem.title !== "OPERATORS_ONLY")) {
    at("token-fault").textContent = sessionStorage.getItem(TOKEN) ? (problem.detail ?? "") : "";
    if (!at("token-dialog").open) at("token-dialog").showModal();
    return false;
  }
  trouble(problem.detail ?? `The edge answers ${answer.status}.`);
  return answer.status >= 429;
}

/** Read events of a stream: each is a line of JSON behind "data: ". */
async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const each of parts) if (each.startsWith("data: ")) show(JSON.parse(each.slice(6)));
  }
}

function show({overview, trouble: fault, edge}) {
  last = performance.now();
  at("edge").textContent = edge.slots_used;
  at("edge-of").textContent = `of ${edge.slots_total}${edge.draining ? ", draining" : ""}`;
  trouble(fault ? `The gateway does not answer: ${fault}` : "");
  status(fault ? "lost" : "listening", fault ? "No gateway." : "Live.");
  if (!overview) return;
  const gateways = overview.gateways?.length ? overview.gateways : [overview.gateway];
  const [used, total] = ["slots_used", "slots_total"].map((name) => gateways.reduce((sum, each) => sum + (each[name] ?? 0), 0));
  at("sessions").textContent = used;
  at("sessions-of").textContent = `of ${total}`;
  at("sessions-share").value = total ? used / total : 0;
  at("degraded").textContent = overview.degradations ?? 0;
  const worst = spread(overview.pairs, "lag", at("lag"), at("lag-worst"), "no segment in the last minute");
  spread(overview.pairs, "first_audio", at("first"), at("first-worst"), "nothing spoken in the last minute");
  chart("sessions", used, (value) => `at most ${value}`);
  chart("lag", worst / 1000, (value) => `at most ${value.toFixed(1)} s`);
  rows(at("replicas"), replicas(gateways, overview.stages ?? []));
  rows(at("pairs"), (overview.pairs ?? []).map(pair));
}

/** Show the middle of what all pairs took, and the worst of them; returns that. */
function spread(pairs = [], name, middle, under, nothing) {
  const told = pairs.filter((each) => each[name]);
  const segments = told.reduce((sum, each) => sum + Number(each.segments), 0);
  const p50 = told.reduce((sum, each) => sum + Number(each[name].p50_ms ?? 0) * Number(each.segments), 0) / (segments || 1);
  const worst = Math.max(0, ...told.map((each) => Number(each[name].p95_ms ?? 0)));
  middle.textContent = told.length ? seconds(p50) : "–";
  under.textContent = told.length ? `95 % within ${seconds(worst)}` : nothing;
  return worst;
}

function chart(name, value, said) {
  const values = history[name];
  values.push(value);
  if (values.length > KEPT) values.shift();
  const most = Math.max(...values);
  const points = values.map((each, index) => `${KEPT - values.length + index},${58 - (most ? (each / most) * 54 : 0)}`);
  at(`chart-${name}`).firstElementChild.setAttribute("points", points.join(" "));
  at(`most-${name}`).textContent = said(most);
}

function* replicas(gateways, stages) {
  for (const [index, each] of gateways.entries()) yield replica(gateways.length > 1 ? `Gateway ${each.number || index + 1}` : "Gateway", each);
  for (const stage of stages) for (const each of stage.replicas ?? []) yield replica(`${stage.name} ${each.number}`, each);
}

function replica(name, each) {
  const state = (each.state ?? "STATE_UNSPECIFIED").replace("STATE_", "").toLowerCase().replace("unspecified", "lost");
  const [used, total] = [each.slots_used ?? 0, each.slots_total ?? 0];
  const tiers = (each.tiers ?? []).filter((tier) => tier.sessions).map((tier) => `${tier.sessions} on ${tier.name}`);
  const away = each.turned_away ? [`${each.turned_away} turned away`] : [];
  const gateway = name.startsWith("Gateway");
  return [
    name,
    {state},
    {share: total ? used / total : 0, name},
    `${used}/${total}`,
    gateway ? "" : `${(each.queue_seconds ?? 0).toFixed(2)} s`,
    gateway ? "" : `${Math.round(100 * (each.fill ?? 0))} %`,
    [...tiers, ...away].join(", "),
  ];
}

function pair(each) {
  const times = ["lag", "first_audio"].flatMap((name) => ["p50_ms", "p95_ms"].map((of) => (each[name] ? seconds(each[name][of] ?? 0) : "–")));
  return [`${each.source_lang} → ${each.target_lang}`, String(each.segments), ...times];
}

const seconds = (milliseconds) => `${(Number(milliseconds) / 1000).toFixed(1)} s`;

/** Write rows in place: cells that are there are kept, so that what somebody reads or selects stays. */
function rows(body, wanted) {
  let count = 0;
  for (const cells of wanted) {
    const row = body.rows[count] ?? body.insertRow();
    count += 1;
    cells.forEach((each, index) => cell(row, index, each));
  }
  while (body.rows.length > count) body.deleteRow(-1);
}

function cell(row, index, told) {
  if (!row.cells[index]) {
    const made = document.createElement(index ? "td" : "th");
    if (!index) made.scope = "row";
    if (told.share !== undefined) made.append(Object.assign(document.createElement("meter"), {max: 1, ariaLabel: "Slots in use"}));
    row.append(made);
  }
  const made = row.cells[index];
  if (told.share !== undefined) made.firstChild.value = told.share;
  else if (told.state !== undefined) {
    made.className = "state";
    made.dataset.state = told.state;
    if (made.textContent !== told.state) made.textContent = told.state;
  } else if (made.textContent !== told) made.textContent = told;
}

function status(state, text) {
  at("status").dataset.state = state;
  if (at("status").textContent !== text) at("status").textContent = text;
}

function trouble(text) {
  at("trouble").hidden = !text;
  if (at("trouble").textContent !== text) at("trouble").textContent = text;
}

function stale(text) {
  status("lost", "Not live.");
  trouble(text);
}

at("token-form").addEventListener("submit", () => {
  sessionStorage.setItem(TOKEN, at("token").value.trim());
  at("token").value = "";
  watch();
});
setInterval(() => last && performance.now() - last > SILENT_MS && stale("Nothing has come for some seconds: this is old."), 1000);
watch();
