// Submissions while the disk under the store fills up, again and again. JB_URL, JB_STATE (web.pid), JB_CLI,
// JB_DISK: a small file system; JB_FILLS; JB_MAP=yes: it is the map that is full, once.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from "node:fs";
import http from "node:http";
import { ask, byCall, byForm, byJson, formNonce, gradioArgs, parsed, pause, readParagraph, until } from "./ways.mjs";
import { finish, ok, same, test } from "./tap.mjs";

const disk = process.env.JB_DISK, fills = Number(process.env.JB_FILLS), tag = process.env.JB_TAG;
const type = "🟢 : pretrained";
const cli = (...args) => execFileSync(process.env.JB_CLI, ["--config", `${process.env.JB_STATE}/jinbang.conf`, ...args], { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
const pid = () => readFileSync(`${process.env.JB_STATE}/web.pid`, "utf8").trim();
const agent = new http.Agent({ keepAlive: true });
const first = pid(), acknowledged = new Map(), odd = [];
let made = 0;
const fresh = () => ({ model: `${tag}-${made % 40}/m-${made++}`, revision: "main", precision: "float16", weight_type: "Original", type, nonce: randomBytes(12).toString("hex") });
const note = (a, s) => { if (a.request && a.secret) acknowledged.set(a.request, s.model); };

// Those who come and go all the time, and those who only read.
let stop = false, refused = 0, reads = 0, slowest = 0;
async function submitter() {
  while (!stop) {
    const s = fresh();
    const a = await byJson(s, { agent }).catch((e) => ({ status: 0, text: String(e) }));
    if (a.status === 200 || a.status === 202) note(a, s);
    else if (a.status === 503) { refused++; if (!a.headers["retry-after"] || !a.text.includes("written")) odd.push(a.text.slice(0, 200)); } else odd.push(`${a.status} ${a.text.slice(0, 200)}`);
    await pause(20 + Math.random() * 60);
  }
}
async function reader() {
  for (let i = 0; !stop; i++) {
    const path = ["/", "/api/models/status", "/en/queue", "/config", "/api/leaderboard"][i % 5], began = performance.now();
    const a = await ask("GET", path, { agent }).catch((e) => ({ status: 0, text: String(e) }));
    slowest = Math.max(slowest, performance.now() - began);
    reads++;
    if (a.status !== 200) odd.push(`GET ${path}: ${a.status} ${a.text.slice(0, 200)}`);
    await pause(20);
  }
}

const free = () => { const s = statfsSync(disk); return s.bavail * s.bsize; };
function fill() {
  const fd = openSync(`${disk}/ballast`, "a"), zeros = Buffer.alloc(1 << 16);
  for (const size of [1 << 16, 4096]) try { for (;;) if (writeSync(fd, zeros, 0, size) < size) break; } catch (e) { if (e.code !== "ENOSPC") throw e; }
  closeSync(fd);
}

// What still fits into pages that were free already may be accepted; then it has to stay.
const strict = process.env.JB_STRICT === "yes", times = { JSON: 0, form: 0, Gradio: 0, "Gradio's queue": 0 };
async function refusedEveryWay(n) {
  const bad = [];
  const reason = (text) => text.includes("存储暂时不能写入") && text.includes("cannot be written");
  const judge = (way, s, a, refusal) => {
    if (refusal) times[way]++;
    else if (!strict && (a.status === 200 || a.status === 202) && a.request) acknowledged.set(a.request, s.model);
    else bad.push(`${way}: ${a.status} ${a.headers?.["retry-after"]} ${a.text.slice(0, 300)}`);
  };
  const late = (a) => a.status === 503 && Number(a.headers["retry-after"]) > 0 && reason(a.text) && !a.text.includes(disk);
  let s = fresh();
  const a = await byJson(s);
  judge("JSON", s, a, late(a) && parsed(a.text) !== null);
  s = { ...fresh(), nonce: await formNonce() };
  const f = await byForm(s, { headers: { Accept: "text/html" } });
  judge("form", s, f, late(f));
  s = fresh();
  const g = await ask("POST", "/run/add_new_eval", { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ data: gradioArgs(s) }) });
  judge("Gradio", s, { ...g, ...readParagraph(parsed(g.text)?.data?.[0] ?? "") }, late(g));
  s = fresh();
  const c = await byCall(s);
  judge("Gradio's queue", s, c, c.kind === "" && reason(c.text));
  for (const path of ["/", "/zh/queue", "/api/models/status", "/submit", "/healthz"]) {
    const r = await ask("GET", path);
    if (r.status !== 200) bad.push(`GET ${path}: ${r.status}`);
  }
  if (bad.length) ok(`fill ${n}: refused with a reason by every way, and reads go on`, false, bad.join("\n"));
  return bad.length === 0;
}

async function full() {
  const s = fresh(), a = await byJson(s, { agent });
  note(a, s);
  return a.status === 503;
}

const workers = [submitter(), submitter(), submitter(), reader(), reader()];
let clear = 0, recovered = 0, latest = 0;
if (process.env.JB_MAP === "yes") {
  for (const end = Date.now() + 60000; !refused && Date.now() < end; ) await Promise.all(Array.from({ length: 20 }, async () => { const s = fresh(); const a = await byJson(s, { agent }); note(a, s); if (a.status === 503) refused++; }));
  ok("the map became full", refused > 0, acknowledged.size);
  ok("refused with a reason by every way, and reads go on", await refusedEveryWay(0));
  // Its size is raised, and the program told to read its settings again.
  const began = Date.now();
  execFileSync("sed", ["-i", "s/map_size = .*/map_size = \"256M\";/", `${process.env.JB_STATE}/jinbang.conf`]);
  process.kill(Number(first), "SIGHUP");
  const s = fresh();
  const a = await until(() => byJson(s), { seconds: 10 });
  note(a, s);
  latest = Date.now() - began;
  ok("with more room the next one is accepted, without a restart", a.status === 202 || a.status === 200, `${a.status} ${a.text.slice(0, 300)}`);
} else {
  for (let n = 1; n <= fills; n++) {
    await pause(Math.random() * 60);
    fill();
    // The last write that still fitted may be under way.
    for (let k = 0; k < 40 && !(await full()); k++) fill();
    if (await refusedEveryWay(n)) clear++;
    await pause(Math.random() * 30);
    rmSync(`${disk}/ballast`);
    const began = Date.now(), s = fresh();
    const a = await until(() => byJson(s), { seconds: 5 });
    note(a, s);
    latest = Math.max(latest, Date.now() - began);
    if (a.status === 202 || a.status === 200) recovered++;
    else ok(`fill ${n}: accepted again`, false, `${a.status} ${a.text.slice(0, 300)}; ${free()} bytes free`);
  }
  same("fills that were refused clearly", clear, fills);
  console.log(`# refused while it was full: ${JSON.stringify(times)}`);
  ok("each way was refused", strict ? Object.values(times).every((t) => t === fills) : times.JSON >= fills / 2, JSON.stringify(times));
  same("fills after which the next one was accepted", recovered, fills);
}
stop = true;
await Promise.all(workers);
console.log(`# ${acknowledged.size} acknowledged, ${refused} of those in the background refused, ${reads} reads, slowest ${slowest.toFixed(0)} ms; room again: accepted after ${latest} ms at most`);
ok("clients in the background saw nothing else, and reads went on", odd.length === 0, [...new Set(odd)].slice(0, 5).join("\n"));
ok("they were refused, and read much", refused > 0 && reads > 20, `${refused} ${reads}`);
same("no restart", pid(), first);
await test("nothing acknowledged is lost", async () => {
  const there = new Map(JSON.parse(cli("request", "list", "--json")).map((r) => [r.id, r.model]));
  const lost = [...acknowledged].filter(([id, model]) => there.get(id) !== model);
  ok(`${acknowledged.size} acknowledged are all there`, lost.length === 0, JSON.stringify(lost.slice(0, 5)));
});
agent.destroy();
finish();
