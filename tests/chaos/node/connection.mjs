// One connection and its one call, with a channel of its own: a lost one leaves nothing behind for the next.
import grpc from "@grpc/grpc-js";
import { now } from "./ledger.mjs";

const READY_MS = 5000;
const OPTIONS = {
  "grpc.use_local_subchannel_pool": 1,
  "grpc.keepalive_time_ms": 2000,
  "grpc.keepalive_timeout_ms": 1000,
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 100,
};

export class Connection {
  constructor(service, address, receive) {
    this.client = new service(address, grpc.credentials.createInsecure(), OPTIONS);
    this.call = this.client.Stream();
    this.receive = receive;
    this.ended = false;
    this.heard = now();
    this.outcome = { code: "UNKNOWN", reason: "UNKNOWN", message: "" };
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.readied = new Promise((resolve) => {
      this.answer = resolve;
    });
    this.call.on("data", (message) => this.take(message));
    this.call.on("error", () => {}); // the status follows
    this.call.on("status", (status) => this.end(grpc.status[status.code], status.details));
  }

  // The server's `ready`; null when it does not come.
  async hello(hello) {
    this.call.write({ hello });
    const timer = setTimeout(() => this.leave("SILENT"), READY_MS);
    const ready = await this.readied;
    clearTimeout(timer);
    return ready;
  }

  take(message) {
    this.heard = now();
    const kind = message.payload;
    if (!kind) return; // newer than this client
    if (kind === "ready") this.answer(message.ready);
    else if (kind === "error" && message.error.fatal) this.outcome.reason = message.error.code;
    if (kind !== "ready") this.receive(kind, message[kind]);
  }

  // Resolves when the transport takes more.
  write(message) {
    if (this.ended) return Promise.resolve();
    if (this.call.write(message)) return Promise.resolve();
    const drained = new Promise((resolve) => {
      this.call.once("drain", resolve);
    });
    return Promise.race([drained, this.finished]);
  }

  halfClose() {
    if (!this.ended) this.call.end();
  }

  silentFor() {
    return (now() - this.heard) * 1000;
  }

  // Gives the call up, for a reason of our own.
  leave(code) {
    this.end(code, "left by the client");
    this.call.cancel();
  }

  over() {
    return this.finished;
  }

  close() {
    this.client.close();
  }

  end(code, message) {
    if (this.ended) return;
    this.ended = true;
    const reason = this.outcome.reason === "UNKNOWN" ? code : this.outcome.reason;
    this.outcome = { code, reason, message };
    this.answer(null);
    this.finish();
  }
}
