// Join + data round trips over kept connections: BASE CLIENTS SECONDS [static PATH].
// With "static" it fetches that path twice instead, for the reference. Prints "rate p50 p99" (ms).
import http from "node:http";

const [base, clients, seconds, mode, path] = process.argv.slice(2);
const { hostname, port } = new URL(base);
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(clients) });
const body = process.env.BENCH_BODY_TEXT ?? '{"data":[null,null,null,null,null,null,"rhea"],"fn_index":0,"session_hash":"@"}';

function request(method, path, payload) {
  return new Promise((resolve, reject) => {
    const r = http.request({ hostname, port, method, path, agent, headers: payload ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) } : {} }, (answer) => {
      let n = 0;
      answer.on("data", (d) => { n += d.length; });
      answer.on("end", () => (answer.statusCode === 200 ? resolve(n) : reject(new Error(`status ${answer.statusCode}`))));
    });
    r.on("error", reject);
    r.end(payload);
  });
}

const end = performance.now() + seconds * 1000;
const times = [];
async function client(i) {
  for (let k = 0; performance.now() < end; k++) {
    const begin = performance.now();
    if (mode === "static") {
      await request("GET", path);
      await request("GET", path);
    } else {
      const session = `b${i}x${k}`;
      await request("POST", "/queue/join", body.replace("@", session));
      await request("GET", `/queue/data?session_hash=${session}`);
    }
    times.push(performance.now() - begin);
  }
}
const began = performance.now();
await Promise.all(Array.from({ length: Number(clients) }, (_, i) => client(i)));
const rate = times.length / ((performance.now() - began) / 1000);
times.sort((a, b) => a - b);
console.log(rate.toFixed(1), times[Math.floor(times.length / 2)]?.toFixed(2), times[Math.floor(times.length * 0.99)]?.toFixed(2));
process.exit(times.length ? 0 : 1);
