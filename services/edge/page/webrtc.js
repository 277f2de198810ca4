// A session by WebRTC: a microphone's track out, a voice's track in, and messages of JSON on a data channel.
// The messages are those of `/v1/realtime`; docs/webrtc.md has what is different.

const FRAGMENT = "application/trickle-ice-sdpfrag";

/** A connection to an edge. Dispatches each message as an event of its type, with it as `detail`, and `track` events. */
export class Call extends EventTarget {
  /**
   * @param {{url?: string, token?: string, session: object, original?: string, resume?: string, configuration?: RTCConfiguration}} options
   *   `resume` is the newest handle of a session that is to go on.
   */
  constructor(options) {
    super();
    this.options = options;
    this.url = options.url ?? "/v1/realtime/calls";
    this.parts = [];
  }

  /** Connect, with a track to be heard or without one. Resolves when the answer has come; `ready` follows. */
  async connect(track = null) {
    const {iceServers} = await (await this.request(this.url)).json();
    this.peer = new RTCPeerConnection({iceServers, ...this.options.configuration});
    this.peer.addTransceiver(track ?? "audio", {direction: track ? "sendrecv" : "recvonly"});
    this.peer.ontrack = ({track: voice}) => this.dispatchEvent(new CustomEvent("track", {detail: voice}));
    this.channel = this.peer.createDataChannel("babelmesh");
    this.channel.onmessage = ({data}) => this.take(JSON.parse(data));
    this.channel.onclose = () => this.dispatchEvent(new Event("gone"));
    this.peer.onconnectionstatechange = () => this.dispatchEvent(new Event(this.peer.connectionState));
    await this.offered();
    const {session, original, resume} = this.options;
    const told = original ? {...session, original} : session;
    const asked = {sdp: this.peer.localDescription.sdp, session: told, ...(resume ? {resume_handle: resume} : {})};
    const answer = await this.request(this.url, "POST", JSON.stringify(asked), {"Content-Type": "application/json"});
    this.resource = new URL(answer.headers.get("Location"), new URL(this.url, location.href)).href;
    this.etag = answer.headers.get("ETag");
    this.answer = this.changed(await answer.text());
    await this.peer.setRemoteDescription({type: "answer", sdp: this.answer});
  }

  /** Go on over another way: after a change of network, or when the connection is `disconnected`. */
  async restart() {
    this.peer.restartIce();
    await this.offered();
    const ours = this.peer.localDescription.sdp.split("\r\n").filter((line) => /^a=(ice-ufrag|ice-pwd|candidate|mid)/.test(line));
    const body = [...ours, "a=end-of-candidates", ""].join("\r\n");
    const answer = await this.request(this.resource, "PATCH", body, {"Content-Type": FRAGMENT, "If-Match": "*"});
    this.etag = answer.headers.get("ETag");
    const theirs = (await answer.text()).split("\r\n").filter((line) => /^a=(ice-ufrag|ice-pwd|candidate|end-of)/.test(line));
    const kept = this.answer.split("\r\n").filter((line) => line && !/^a=(ice-ufrag|ice-pwd|candidate|end-of)/.test(line));
    const credentials = theirs.filter((line) => line.startsWith("a=ice-"));
    const candidates = theirs.filter((line) => !line.startsWith("a=ice-"));
    let first = true;
    const lines = kept.flatMap((line) => {
      if (!line.startsWith("a=mid:")) return [line];
      const added = [line, ...credentials, ...(first ? candidates : [])];
      first = false;
      return added;
    });
    this.answer = this.changed(`${lines.join("\r\n")}\r\n`);
    await this.peer.setRemoteDescription({type: "answer", sdp: this.answer});
  }

  /** Send a message, such as `{type: "control", action: "commit"}`. */
  send(message) {
    this.channel.send(JSON.stringify(message));
  }

  /** End the session: everything that was said still comes, then `end_of_session`. */
  end() {
    this.send({type: "control", action: "end"});
  }

  /** Leave at once. */
  async close() {
    this.peer.close();
    if (this.resource) await this.request(this.resource, "DELETE").catch(() => null);
  }

  take(message) {
    if (message.type !== "part") {
      this.dispatchEvent(new CustomEvent(message.type, {detail: message}));
      this.dispatchEvent(new CustomEvent("message", {detail: message}));
      return;
    }
    this.parts.push(message.text);
    if (message.index + 1 === message.count) this.take(JSON.parse(this.parts.splice(0).join("")));
  }

  /** Make an offer with all candidates of this side, or those of the first two seconds. */
  async offered() {
    await this.peer.setLocalDescription(await this.peer.createOffer());
    if (this.peer.iceGatheringState === "complete") return;
    await new Promise((resolve) => {
      const late = setTimeout(resolve, 2000);
      this.peer.onicegatheringstatechange = () => {
        if (this.peer.iceGatheringState !== "complete") return;
        clearTimeout(late);
        resolve();
      };
    });
  }

  /** Return an answer as it is taken; for those who put something in between. */
  changed(sdp) {
    return this.options.changed ? this.options.changed(sdp) : sdp;
  }

  async request(url, method = "GET", body = undefined, headers = {}) {
    const token = this.options.token ? {Authorization: `Bearer ${this.options.token}`} : {};
    const answer = await fetch(url, {method, body, headers: {...headers, ...token}});
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    const {title: code = `STATUS_${answer.status}`, field, retry_after_ms} = problem;
    throw Object.assign(new Error(problem.detail ?? `status ${answer.status}`), {code, field, retry_after_ms});
  }
}
