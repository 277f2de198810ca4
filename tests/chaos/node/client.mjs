// Many sessions of made-up speech against one or several gateways, without our SDK.
//
//   node client.mjs --addresses HOST:PORT,HOST:PORT --folder LEDGERS [--sessions 10] [--first 501] [--targets es]
//
// Commands come on standard input: "ping LABEL" has every session ask for an echo, "stop" (or its end) has them finish.
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { Session } from "./session.mjs";

const PERIOD_MS = 2560;
const PROTOS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../protos");

const { values } = parseArgs({
  options: {
    addresses: { type: "string" },
    folder: { type: "string" },
    sessions: { type: "string", default: "10" },
    first: { type: "string", default: "501" },
    targets: { type: "string", default: "es" },
    bare: { type: "boolean", default: false }, // without heartbeats
  },
});

const shape = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [PROTOS] };
const definition = loader.loadSync("realtime/v1/realtime_translate.proto", shape);
const { RealtimeTranslate } = grpc.loadPackageDefinition(definition).realtime.v1;

const options = {
  addresses: values.addresses.split(","),
  folder: values.folder,
  targets: values.targets.split(","),
  bare: values.bare,
  service: RealtimeTranslate,
};
const count = Number(values.sessions);
const sessions = Array.from({ length: count }, (_, index) => new Session(options, Number(values.first) + index));

const input = readline.createInterface({ input: process.stdin });
const stop = () => sessions.forEach((session) => session.stop());
input.on("line", (line) => {
  const [command, label] = line.split(" ");
  if (command === "ping") sessions.forEach((session) => session.ping(label));
  if (command === "stop") stop();
});
input.on("close", stop);

const started = async (session, index) => {
  await new Promise((resolve) => setTimeout(resolve, (index * PERIOD_MS) / count));
  await session.run();
};
await Promise.all(sessions.map(started));
input.close();
process.stdin.destroy();
