// Sessions of typed text by the page's own client, until stdin ends: node typists.mjs URL,URL SESSIONS
// Prints, as JSON, how many texts were typed, lost, doubled or out of order, and how long each lost connection took to be resumed.

import {Session} from "../../services/edge/page/babelmesh.js";

const [urls, count] = [process.argv[2].split(","), Number(process.argv[3])];
const told = {typed: 0, finals: 0, lost: 0, doubled: 0, disordered: 0, failed: 0, recovered_ms: []};
let typing = true;
process.stdin.resume();
process.stdin.on("end", () => (typing = false));
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function talk(number) {
  const turned = [...urls.slice(number % urls.length), ...urls.slice(0, number % urls.length)];
  const session = new Session(turned, {source_lang: "en", input: null, targets: [{lang: "es", delivery: "captions"}]});
  const sent = [];
  const came = [];
  let lostAt = 0;
  session.on("final_translation", ({text}) => came.push(Number(text.match(/\d+/)[0])));
  session.on("failed", ({code}) => console.error(code, (told.failed += 1)));
  session.on("connection", ({state}) => {
    if (state === "lost") lostAt ||= performance.now();
    if (state === "resumed" && lostAt) {
      told.recovered_ms.push(performance.now() - lostAt);
      lostAt = 0;
    }
  });
  await session.ready;
  while (typing && session.state === "open") {
    await pause(300 + 400 * Math.random());
    sent.push(sent.length);
    session.sendText(`number ${sent.length - 1} of this session`);
  }
  await Promise.race([session.end().catch(() => {}), pause(30000)]);
  told.typed += sent.length;
  told.finals += came.length;
  told.lost += sent.filter((each) => !came.includes(each)).length;
  told.doubled += came.length - new Set(came).size;
  told.disordered += came.filter((each, at) => at && each < came[at - 1]).length;
}

await Promise.all(Array.from({length: count}, (_, number) => talk(number)));
process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0)); // a pipe takes it in parts
