// Open streams, held: BASE COUNT SECONDS. Every second one is a heartbeat, the others are queue
// streams that got an event when they opened and get one more in the middle of the time. Prints
// "ready MS" when all are open, and in the end how many were lost: streams that closed, events that
// did not come on their stream, heartbeats that came too seldom. Exit 1 when anything was lost.
import http from "node:http";
import net from "node:net";

const [base, countText, secondsText] = process.argv.slice(2);
const count = Number(countText), seconds = Number(secondsText);
const { hostname, port, pathname } = new URL(base);
const mount = pathname.replace(/\/$/, "");
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
const streams = [];

function join(session) {
  const payload = JSON.stringify({ data: [null, null, null, null, null, null, "rhea"], fn_index: 0, session_hash: session });
  return new Promise((resolve, reject) => {
    const r = http.request({ hostname, port, agent, method: "POST", path: `${mount}/queue/join`, headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (d) => { text += d; });
      answer.on("end", () => (answer.statusCode === 200 ? resolve(JSON.parse(text).event_id) : reject(new Error(`join: ${answer.statusCode} ${text}`))));
    });
    r.on("error", reject);
    r.end(payload);
  });
}

// A raw socket, since ten thousand of Node's responses are heavier than what they measure.
class Stream {
  constructor(path, kind) {
    this.kind = kind;
    this.beats = 0;
    this.waiting = new Map(); // event id -> resolve
    this.got = new Set();
    this.carry = "";
    this.closed = false;
    this.socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.setEncoding("latin1");
    this.opened = new Promise((resolve, reject) => {
      this.socket.on("connect", () => this.socket.write(`GET ${mount}${path} HTTP/1.1\r\nHost: ${hostname}\r\nAccept: text/event-stream\r\n\r\n`));
      this.socket.on("data", (text) => { this.read(text); resolve(); });
      this.socket.on("error", reject);
      this.socket.on("close", () => { this.closed = true; reject(new Error("closed")); });
    });
    this.opened.catch(() => {});
  }
  read(text) {
    if (this.kind === "heartbeat") {
      this.beats += text.split("data: ALIVE").length - 1;
      return;
    }
    this.carry += text;
    if (this.carry.includes('"msg":"close_stream"')) this.closed = true;
    for (const m of this.carry.matchAll(/"msg":\s*"process_completed",\s*"event_id":\s*"([0-9a-f]{32})"/g)) this.got.add(m[1]);
    this.carry = this.carry.slice(-256); // a message head cut in two
  }
}

async function each(n, at_once, work) {
  let next = 0;
  await Promise.all(Array.from({ length: at_once }, async () => { while (next < n) await work(next++); }));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const began = performance.now();
const wanted = new Map();
await each(count, 64, async (i) => {
  if (i % 2) {
    streams[i] = new Stream(`/heartbeat/h${i}`, "heartbeat");
  } else {
    wanted.set(i, [await join(`q${i}`)]);
    streams[i] = new Stream(`/queue/data?session_hash=q${i}`, "queue");
  }
  await streams[i].opened;
});
console.log(`ready ${Math.round(performance.now() - began)}`);
const ready = performance.now();
await pause((seconds * 1000) / 2);
const queues = streams.map((s, i) => (s.kind === "queue" ? i : -1)).filter((i) => i >= 0);
await each(queues.length, 8, async (k) => {
  const i = queues[k];
  wanted.get(i).push(await join(`q${i}`));
});
await pause(Math.max(1000, seconds * 1000 - (performance.now() - ready)));

const held = (performance.now() - ready) / 1000;
const beats_due = 1 + Math.floor(held / 15) - 1; // the last one may be on its way
const lost = {
  streams: streams.filter((s) => s.closed).length,
  events: queues.reduce((n, i) => n + wanted.get(i).filter((id) => !streams[i].got.has(id)).length, 0),
  heartbeats: streams.filter((s) => s.kind === "heartbeat" && s.beats < beats_due).length,
};
const events = queues.length * 2, beats = streams.reduce((n, s) => n + s.beats, 0);
console.log(`held ${streams.length} ${held.toFixed(0)} s, ${events} events, ${beats} heartbeats; lost ${lost.streams} streams, ${lost.events} events, ${lost.heartbeats} heartbeats`);
for (const s of streams) s.socket.destroy();
agent.destroy();
process.exit(lost.streams || lost.events || lost.heartbeats ? 1 : 0);
