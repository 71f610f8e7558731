// Sessions that behave badly: PORT MOUNT JOINS. Of ten, six never open their stream, three open it and
// vanish in mid-event, and one opens ten. Prints how many joins were answered and how many refused.
import http from "node:http";
import net from "node:net";

const [port, mount, joins] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
const agent = new http.Agent({ keepAlive: true, maxSockets: 24 });
let answered = 0, refused = 0, vanished = 0, opened = 0;

function join(session, search) {
  const payload = JSON.stringify({ data: [null, null, null, null, null, null, search], fn_index: 0, session_hash: session });
  return new Promise((resolve, reject) => {
    const r = http.request({ host: "127.0.0.1", port, agent, method: "POST", path: `${mount}/queue/join`, headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) } }, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 200 || answer.statusCode === 503 ? resolve(answer.statusCode) : reject(new Error(`join: ${answer.statusCode}`))));
    });
    r.on("error", reject);
    r.end(payload);
  });
}

// Opens a stream and is gone after its first bytes, which are fewer than the event.
function vanish(session) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: "127.0.0.1", port }, () => socket.write(`GET ${mount}/queue/data?session_hash=${session} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
    socket.once("data", () => { socket.destroy(); resolve(); });
    socket.once("error", reject);
    socket.once("end", resolve);
  });
}

const tag = process.pid.toString(36);
let next = 0;
await Promise.all(Array.from({ length: 24 }, async () => {
  while (next < joins) {
    const i = next++, kind = i % 10, session = `${tag}-${i}`;
    const status = await join(session, kind < 6 ? "rhea" : "");
    if (status === 503) { refused++; continue; }
    answered++;
    if (kind < 6) continue;
    if (kind < 9) { await vanish(session); vanished++; continue; }
    await Promise.all(Array.from({ length: 10 }, () => vanish(session)));
    opened += 10;
  }
}));
console.log(`${answered} answered, ${refused} refused, ${vanished} vanished, ${opened} streams of sessions with ten`);
process.exit(answered + refused === joins ? 0 : 1);
