// 1,000 clients submit at once, 300 of them the same as others, while jinbang-web and jinbang-dispatch are
// killed again and again. Each client repeats until it has an answer, some lose their first answers.
// JB_URL, JB_STATE (web.pid, dispatch.pid), JB_CLI (a command line), JB_KILLS of each, JB_ROUND.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { byForm, byJson, pause, until } from "./ways.mjs";
import { finish, ok, same } from "./tap.mjs";

const state = process.env.JB_STATE, kills = Number(process.env.JB_KILLS ?? 20), round = process.env.JB_ROUND ?? "0";
const quota = Number(process.env.JB_QUOTA), doubled = 2 * quota;
const type = "🟢 : pretrained";
const agent = new http.Agent({ keepAlive: true, maxSockets: 1200 });
const cli = (...args) => execFileSync(process.env.JB_CLI, ["--config", `${state}/jinbang.conf`, ...args], { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });

// --- who sends what ---
const plan = []; // {owner, group, model, revision, precision}
const expected = new Map(); // owner -> how many may be queued
const add = (owner, group, model, revision) => plan.push({ owner, group, model: `${owner}/${model}`, revision, precision: "float16" });
const o = (name) => `r${round}-${name}`;
for (let k = 0; k < 60; k++) { // 480 of their own, within the quota
  for (let i = 0; i < 8; i++) add(o(`own${k}`), "", `ok-${i}`, "main");
  expected.set(o(`own${k}`), 8);
}
for (let k = 0; k < 10; k++) { // 150 of owners that send more than they may
  for (let i = 0; i < 15; i++) add(o(`much${k}`), "", `ok-${i}`, "main");
  expected.set(o(`much${k}`), Math.min(15, quota));
}
for (let k = 0; k < 2; k++) { // 70 of owners with twice as much
  for (let i = 0; i < 35; i++) add(`double${round}-${k}`, "", `ok-${i}`, "main");
  expected.set(`double${round}-${k}`, Math.min(35, doubled));
}
for (let k = 0; k < 20; k++) { // 100 duplicates as typed
  for (let i = 0; i < 5; i++) add(o(`typed${k}`), `typed${k}`, "ok-same", "main");
  expected.set(o(`typed${k}`), 1);
}
for (let k = 0; k < 20; k++) { // 200 duplicates by commit: three names of one commit, two of them twice; two models of each owner
  for (let m = 0; m < 2; m++)
    for (const revision of ["main", "v1", "COMMIT", "main", "v1"]) add(o(`commit${k}`), `commit${k}-${m}`, `ok-names-${m}`, revision);
  expected.set(o(`commit${k}`), 2);
}
same("the plan has 1,000 submissions", plan.length, 1000);
same("300 of them in groups of duplicates", plan.filter((p) => p.group).length, 300);
// What the stand-in hub (tests/hub/hub.py) says of the branch main and the tag v1.
const commitOf = (model) => createHash("sha1").update(`${model}/main`).digest("hex");
for (const p of plan) if (p.revision === "COMMIT") p.revision = commitOf(p.model);
for (let i = plan.length - 1; i > 0; i--) { const j = Math.floor(Math.random() * (i + 1)); [plan[i], plan[j]] = [plan[j], plan[i]]; }

// --- the killer ---
const killed = { web: 0, dispatch: 0 };
let answered = 0, waiting = true, stopped = false, lastPid = {};
function kill(name) {
  let pid;
  try { pid = Number(readFileSync(`${state}/${name}.pid`, "utf8")); } catch { return; }
  if (!(pid > 1) || pid === lastPid[name]) return; // not yet restarted
  try { process.kill(pid, "SIGKILL"); } catch { return; }
  lastPid[name] = pid;
  killed[name]++;
}
// Whether a web process takes connections; not by way of nginx, where a thousand wait.
const listens = () => new Promise((done) => {
  const s = net.connect(`${state}/run/web.sock`, () => { s.destroy(); done(true); });
  s.on("error", () => done(false));
});
async function killWeb() {
  // While anybody waits for an answer, each time a little after it began to give some again.
  const most = Math.ceil(1.5 * kills);
  while (!stopped && killed.web < most && answered < plan.length) {
    const alive = await listens();
    await pause(alive ? 80 + Math.random() * 250 : 10);
    if (alive && answered < plan.length) kill("web");
  }
}
async function killDispatch() {
  while (!stopped && waiting && killed.dispatch < 2 * kills) { await pause(150 + Math.random() * 350); if (waiting && !stopped) kill("dispatch"); }
}

// --- the clients ---
let attempts = 0, lost = 0, repeated = 0;
const unequal = [];
async function client(p, i) {
  p.nonce = randomBytes(12).toString("hex");
  const way = i % 4 === 0 ? byForm : byJson;
  const submission = { model: p.model, revision: p.revision, precision: p.precision, weight_type: "Original", type, nonce: p.nonce };
  p.way = way; p.submission = submission;
  // Half of them at once, the others from kill to kill, so that each finds some on their way.
  for (const end = Date.now() + 60000; i % 2 && killed.web < (kills * i) / plan.length && Date.now() < end; ) await pause(30 + Math.random() * 100);
  // Every fifth one hangs up with its first request on the way: whether it arrived, it cannot know.
  if (i % 5 === 0) { lost++; await way(submission, { agent, gone: Math.random() * 300 }).catch(() => {}); }
  const send = () => until(() => { attempts++; return way(submission, { agent, seconds: 20 }); }, { seconds: 100 });
  p.answer = await send();
  // Once more, in the thick of it: what it was told holds.
  if (p.answer.status === 200 || p.answer.status === 202) {
    await pause(Math.random() * 4000);
    const again = await send();
    repeated++;
    const loser = again.status === 409; // by then the hub may have said that it is one
    if (again.request !== p.answer.request || (!loser && again.secret !== p.answer.secret)) unequal.push(`${p.model} ${p.revision}: ${p.answer.request}, then ${again.status} ${again.request}`);
  }
  answered++;
}
const began = Date.now();
const web = killWeb(), dispatch = killDispatch();
const done = await Promise.allSettled(plan.map(client));
await web;
const sending = (Date.now() - began) / 1000;
const failed = done.filter((d) => d.status === "rejected");
ok(`${repeated} asked again meanwhile and were told the same`, unequal.length === 0 && repeated > plan.length / 2, unequal.slice(0, 5).join("\n"));
ok("every client got an answer", failed.length === 0, failed.slice(0, 3).map((f) => f.reason?.stack).join("\n"));

// --- until nothing waits for its check ---
const list = () => JSON.parse(cli("request", "list", "--json")).filter((r) => r.model.startsWith(`r${round}-`) || r.model.startsWith(`double${round}-`));
let requests = list();
for (const end = Date.now() + 100000; requests.some((r) => r.state === "SUBMITTED") && Date.now() < end; requests = list()) await pause(300);
waiting = false;
stopped = true;
await dispatch;
console.log(`# ${plan.length} submissions in ${sending.toFixed(1)} s with ${attempts} requests, ${lost} answers lost on purpose; all checked after ${((Date.now() - began) / 1000).toFixed(1)} s; killed: web ${killed.web}, dispatch ${killed.dispatch}`);
ok(`web was killed ${kills} times or more`, killed.web >= kills, killed.web);
ok(`dispatch was killed ${kills} times or more`, killed.dispatch >= kills, killed.dispatch);
same("nothing waits for its check", requests.filter((r) => r.state === "SUBMITTED").length, 0);

// --- exactly the right set ---
const byId = new Map(requests.map((r) => [r.id, r]));
const accepted = plan.filter((p) => p.answer && (p.answer.status === 200 || p.answer.status === 202));
const others = plan.filter((p) => p.answer && !accepted.includes(p));
ok("every answer is accepted, duplicate or quota", others.every((p) => p.answer.status === 409 || p.answer.status === 429), JSON.stringify(others.find((p) => p.answer.status !== 409 && p.answer.status !== 429)?.answer ?? null).slice(0, 500));
const missing = accepted.filter((p) => !byId.has(p.answer.request) || byId.get(p.answer.request).model !== p.model || byId.get(p.answer.request).revision !== p.revision);
ok("nothing acknowledged is missing", missing.length === 0, JSON.stringify(missing.slice(0, 2).map((p) => [p.model, p.revision, p.answer.request])));
const unasked = requests.filter((r) => !accepted.some((p) => p.answer.request === r.id));
// A duplicate as typed may have been taken from a client that lost its answer; its nonce then says so below.
same("nothing is stored that nobody was told of", unasked.map((r) => r.model), []);
// One that turned out a duplicate may be submitted again, the same way typed: its branch could have moved.
const twice = accepted.filter((p, i) => byId.get(p.answer.request)?.state === "QUEUED" && accepted.findIndex((q) => q.answer.request === p.answer.request) !== i);
ok("no two acknowledgements of one request that is queued", twice.length === 0, JSON.stringify(twice.slice(0, 3).map((p) => [p.model, p.revision, p.answer.request])));
const states = new Set(requests.map((r) => r.state));
same("states", [...states].sort(), ["DUPLICATE", "QUEUED"]);
const queued = requests.filter((r) => r.state === "QUEUED");
const per = new Map();
for (const r of queued) per.set(r.model.split("/")[0], (per.get(r.model.split("/")[0]) ?? 0) + 1);
const wrong = [...expected].filter(([owner, n]) => per.get(owner) !== n);
ok("as many of each owner as may be", wrong.length === 0, JSON.stringify(wrong.map(([owner, n]) => [owner, n, per.get(owner)])));
for (const owner of new Set(plan.filter((p) => !p.group).map((p) => p.owner))) {
  const refused = plan.filter((p) => p.owner === owner && p.answer?.status === 429).length, sent = plan.filter((p) => p.owner === owner).length;
  if (refused !== sent - expected.get(owner)) ok(`${owner}: as many refused as are too many`, false, `${refused} of ${sent}`);
}

// --- one of each group ---
const groups = new Map();
for (const p of plan.filter((p) => p.group)) groups.set(p.group, [...(groups.get(p.group) ?? []), p]);
const bad = [];
const full = (id) => JSON.parse(cli("request", "show", String(id), "--json"));
for (const [name, members] of groups) {
  const there = requests.filter((r) => r.model === members[0].model);
  const winners = there.filter((r) => r.state === "QUEUED");
  if (winners.length !== 1) { bad.push(`${name}: ${winners.length} winners`); continue; }
  const winner = winners[0].id;
  if (winners[0].commit !== undefined && winners[0].commit !== commitOf(members[0].model)) bad.push(`${name}: commit ${winners[0].commit}`);
  for (const p of members) {
    if (p.answer.status === 409) {
      // Told at once: of the winner, or of one that turned out a duplicate of it.
      const told = byId.get(p.answer.request);
      if (!told || told.model !== p.model) bad.push(`${name}: told of ${p.answer.request}`);
    } else if (p.answer.request !== winner) {
      const loser = full(p.answer.request);
      if (loser.state !== "DUPLICATE" || loser.same_as !== winner) bad.push(`${name}: ${p.answer.request} is ${loser.state} of ${loser.same_as}, not of ${winner}`);
    }
  }
}
ok(`one of each of ${groups.size} groups is queued, the others know which`, bad.length === 0, bad.slice(0, 8).join("\n"));

// --- the quota ---
const quotas = new Map(JSON.parse(cli("quota", "show", "--json")).map((q) => [q.owner, q.used]));
const off = [...expected].filter(([owner, n]) => quotas.get(owner) !== n).map(([owner, n]) => `${owner}: ${quotas.get(owner)} of ${n}`);
ok("quota of each owner is exact, losers by commit have theirs back", off.length === 0, off.slice(0, 8).join("\n"));

// --- each that asks again gets its first answer ---
let differ = [];
for (let i = 0; i < accepted.length; i += 50)
  await Promise.all(accepted.slice(i, i + 50).map(async (p) => {
    const again = await until(() => p.way(p.submission, { agent }));
    const loser = byId.get(p.answer.request)?.state === "DUPLICATE";
    if (again.request !== p.answer.request) differ.push(`${p.model} ${p.revision}: request ${again.request}, was ${p.answer.request} (${again.status} ${again.code})`);
    if (!loser && again.secret !== p.answer.secret) differ.push(`${p.model}: another secret`);
    if (loser && again.secret && again.secret !== p.answer.secret) differ.push(`${p.model}: a loser with another secret`);
  }));
ok(`each of ${accepted.length} that repeats gets its first answer and secret`, differ.length === 0, differ.slice(0, 8).join("\n"));
const secrets = new Set(accepted.map((p) => p.answer.secret));
ok("each has a secret of its own", secrets.size === accepted.length && [...secrets].every((s) => /^jbs_[0-9a-f]{40}$/.test(s)), secrets.size);
same("and nothing new came of it", list().length, requests.length);
agent.destroy();
finish();
