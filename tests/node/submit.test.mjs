// Every check of a submission, once by each way in: the npm client of Gradio, JSON and the form. JB_URL,
// JB_HUB: the stand-in hub (tests/hub/hub.py), whose organisations say what is the matter; JB_QUOTA, JB_WAIT
// in seconds. Blocked: wants-none/model. Full: the organisation `filled`.
import { Client } from "@gradio/client";
import { ask, base, byForm, byGradio, byJson, formNonce, parsed, pause, readPage, settled } from "./ways.mjs";
import { finish, ok, same, test, within } from "./tap.mjs";

const type = "🟢 : pretrained", quota = Number(process.env.JB_QUOTA), wait = Number(process.env.JB_WAIT);
const app = await within(Client.connect(base.href, { events: ["data", "status"] }));
const hub = async (path) => (await fetch(new URL(path, process.env.JB_HUB), { method: "POST" })).status;
const both = (text, zh, en) => text.includes(zh) && text.includes(en);
const unescaped = (text) => text.replaceAll("&#39;", "'").replaceAll("&amp;", "&").toLowerCase();
const nonce = () => "n" + Math.random().toString(36).slice(2) + Date.now().toString(36);

// --- the first stage: told at once ---
for (let i = 0; i < quota; i++) {
  const a = await byJson({ model: `filled/ok-${i}`, type });
  if (a.status !== 202) ok(`submission ${i} within the quota`, false, `${a.status} ${a.text}`);
}
const stage1 = [
  ["no type", { model: "good/untyped", type: "" }, "error", 422, "model_type_missing", "请选择模型类型", "choose a model type"],
  ["a type that is none", { model: "good/untyped", type: "🐌 : slow" }, "error", 422, "model_type_missing", "请选择模型类型", "choose a model type"],
  ["quota", { model: "filled/one-more", type }, "error", 429, "quota", `上限为 ${quota}`, `at most ${quota}`],
  ["do-not-submit", { model: "wants-none/model", type }, "warning", 403, "blocked", "要求不将其列入", "asked for it not to be"],
  ["do-not-submit, in other letters", { model: "Wants-None/Model", type }, "warning", 403, "blocked", "要求不将其列入", "asked for it not to be"],
  ["an adapter without its base", { model: "good/adapter-alone", type, weight_type: "Adapter" }, "error", 422, "base_model_missing", "基座模型", "base model"],
  ["no model", { model: "", type }, "error", 422, "model_missing", "填写模型名称", "name of the model"],
  ["a precision that is none", { model: "good/precise", type, precision: "float3" }, "error", 422, "precision_invalid", "精度", "precision"],
  ["quota before the duplicate", { model: "filled/ok-0", type, revision: "main" }, "error", 429, "quota", "上限", "at most"],
  // precedence: of two mistakes the earlier check answers
  ["no type before quota", { model: "filled/one-more", type: "" }, "error", 422, "model_type_missing", "请选择模型类型", "choose a model type"],
  ["quota before do-not-submit", { model: "filled/blocked", type }, "error", 429, "quota", "上限", "at most"],
  ["do-not-submit before the base model", { model: "wants-none/model", type, weight_type: "Delta" }, "warning", 403, "blocked", "要求不将其列入", "asked for it not to be"],
];
for (const [name, submission, kind, status, code, zh, en] of stage1)
  await test(name, async () => {
    const a = await byJson(submission), f = await byForm(submission), g = await byGradio(app, submission);
    ok(`${name}: JSON`, a.status === status && a.code === code && a.kind !== "success" && a.zh.includes(zh) && a.en.includes(en) && a.secret === "", `${a.status} ${a.text}`);
    ok(`${name}: form`, f.status === status && f.kind === kind && f.zh.includes(zh) && f.en.includes(en) && f.secret === "", `${f.status} ${f.kind} ${f.zh} ${f.en}`);
    ok(`${name}: Gradio`, g.kind === kind && g.clean && g.zh.includes(zh) && g.en.includes(en) && g.secret === "", g.html);
    if (status === 429) ok(`${name}: says when to come again`, Number(a.headers["retry-after"]) > 0 && Number(f.headers["retry-after"]) > 0 && a.json.retry_after > 0);
  });

// --- the second stage: what the hub says. The three ways at once; each its own model ---
const stage2 = [
  ["base model missing", "good/adapter-lost", { weight_type: "Adapter", base_model: "missing/base" }, "base_model"],
  ["base model of a delta", "good/delta-lost", { weight_type: "Delta", base_model: "missing/base" }, "base_model"],
  ["not on the hub", "missing/m", {}, "not_found"],
  ["private", "private/m", {}, "not_found"],
  ["gated", "gated/m", {}, "gated"],
  ["no such revision", "norev/m", {}, "revision_missing"],
  ["no such branch", "good/branch", { revision: "no-such" }, "revision_missing"],
  ["no config", "noconfig/m", {}, "config_missing"],
  ["config is no JSON", "badconfig/m", {}, "config_missing"],
  ["remote code", "remote/m", {}, "remote_code_required"],
  ["remote code of the tokenizer", "remotetok/m", {}, "remote_code_required"],
  ["unknown architecture", "unsupported/m", {}, "config_unsupported"],
  ["no tokenizer", "notokenizer/m", {}, "tokenizer_missing"],
  ["unknown tokenizer", "unknowntok/m", {}, "tokenizer_missing"],
  ["information about another model", "lying/other", {}, "model_info"],
  ["only pickle", "pickle/m", {}, "weights_missing"],
  ["no weights", "noweights/m", {}, "weights_missing"],
  ["too large", "large/m", {}, "too_large"],
  ["too large as GPTQ", "good/m-90b", { precision: "GPTQ" }, "too_large"],
  ["no licence", "nolicense/m", {}, "license_missing"],
  ["no card", "nocard/m", {}, "card_missing"],
  ["short card", "shortcard/m", {}, "card_short"],
  // precedence
  ["base model before config", "noconfig/adapter", { weight_type: "Delta", base_model: "missing/base" }, "base_model"],
  ["config before licence", "noconfig.nolicense/m", {}, "config_missing"],
  ["remote code before tokenizer", "remote.notokenizer/m", {}, "remote_code_required"],
  ["tokenizer before weights", "notokenizer.pickle/m", {}, "tokenizer_missing"],
  ["tokenizer before size", "notokenizer.large/m", {}, "tokenizer_missing"],
  ["weights before licence", "noweights.nolicense/m", {}, "weights_missing"],
  ["size before licence", "large.nolicense/m", {}, "too_large"],
  ["licence before card", "nolicense.nocard/m", {}, "license_missing"],
  ["licence before its length", "nolicense.shortcard/m", {}, "license_missing"],
];
const ways = { JSON: 0, form: 1, Gradio: 2 };
let progress = 0;
await Promise.all(stage2.map(async ([name, model, more, word]) => {
  const own = (way) => ({ model: model.startsWith("lying/") ? model : `${model}-${way}`, type, ...more, ...(model.startsWith("lying/") ? { precision: ["float16", "bfloat16", "8bit"][ways[way]] } : {}) });
  const seen = [];
  const [a, f, g] = await Promise.all([byJson(own("JSON")), byForm(own("form")), byGradio(app, own("Gradio"), seen)]).catch((error) => { ok(name, false, error?.stack ?? JSON.stringify(error)); return []; });
  if (!a) return;
  progress += seen.length;
  ok(`${name}: JSON is accepted for the check`, a.status === 202 && a.json.status === "accepted" && a.secret !== "" && a.json.links.request.endsWith(`/api/requests/${a.request}`), `${a.status} ${a.text}`);
  ok(`${name}: so is the form`, f.status === 200 && f.kind === "success" && f.secret !== "", `${f.status} ${f.kind} ${f.en}`);
  for (const [way, id] of [["JSON", a.request], ["form", f.request], ["Gradio", g.request]]) {
    const r = await settled(id, 40);
    ok(`${name}: ${way}: is refused as ${word}`, r.state === "FAILED" && r.failure?.class === word, JSON.stringify(r).slice(0, 500));
    if (way === "Gradio") ok(`${name}: Gradio: red, in both languages, with the reason`, g.kind === "error" && g.clean && r.failure && both(g.zh + g.en, r.failure.zh.what, r.failure.en.what), g.html);
    if (way !== "form") continue;
    for (const [lang, part] of [["/zh", r.failure?.zh], ["/en", r.failure?.en]]) {
      const page = await ask("GET", `${lang}/requests/${id}`);
      ok(`${name}: form: its page says so, ${lang}`, page.status === 200 && part && unescaped(page.text).includes(part.what.toLowerCase()), page.text.match(/<section class="jb-why">[\s\S]*?<\/section>/)?.[0]);
    }
  }
}));
ok("Gradio tells progress while it waits", progress > 0, progress);

// --- accepted ---
const pending = async () => parsed((await ask("GET", "/api/models/status")).text).pending;
async function waitsFor(id) {
  for (let i = 0; i < 60; i++, await pause(100)) { const e = (await pending()).find((r) => r.id === id); if (e?.state === "QUEUED") return e; }
  return (await pending()).find((r) => r.id === id) ?? {};
}
await test("accepted", async () => {
  for (const [label, more, revision] of [["an empty revision becomes main", { revision: "" }, "main"], ["a branch", { revision: "dev" }, "dev"], ["an adapter", { weight_type: "Adapter", base_model: "good/llama-7b" }, "main"], ["a name with blanks around", { blanks: true }, "main"]]) {
    const model = (way) => `${more.blanks ? "  " : ""}good/${more.weight_type ? "adapter-" : ""}m-${label.replace(/\W/g, "")}-${way}${more.blanks ? " \n" : ""}`;
    const one = (way) => ({ type, precision: "bfloat16", weight_type: "Original", ...more, model: model(way), blanks: undefined });
    const a = await byJson(one("json")), f = await byForm(one("form")), g = await byGradio(app, one("gradio"));
    ok(`${label}: Gradio answers green with its secret and page`, g.kind === "success" && g.clean && g.request > 0 && /^jbs_/.test(g.secret) && /queue/.test(g.en) && /排队/.test(g.zh), g.html);
    for (const [way, r] of [["JSON", a], ["form", f], ["Gradio", g]]) {
      const e = await waitsFor(r.request);
      ok(`${label}: ${way}: QUEUED in /api/models/status`, e.status === "PENDING" && e.revision === revision && e.name === model(way.toLowerCase()).trim(), JSON.stringify([r.status, r.text?.slice(0, 200), e]));
    }
  }
});
await test("duplicates", async () => {
  const one = { model: "same/a", type, precision: "float16", revision: "main" };
  const first = await byJson(one);
  await waitsFor(first.request);
  for (const [way, a] of [["JSON", await byJson(one)], ["form", await byForm(one)], ["Gradio", await byGradio(app, one)]])
    ok(`as typed: ${way}`, (a.status === 409 || way === "Gradio") && a.kind === "warning" && a.request === first.request && a.secret === "" && a.zh.includes("已经提交过") && a.en.includes("submitted already"), a.text ?? a.html);
  const commit = (await settled(first.request)).commit;
  ok("the commit is known", /^[0-9a-f]{40}$/.test(commit ?? ""), commit);
  for (const [way, a] of [["JSON", await byJson({ ...one, revision: commit })], ["form", await byForm({ ...one, revision: commit })], ["Gradio", await byGradio(app, { ...one, revision: commit })]])
    ok(`by the commit itself: ${way}`, (a.status === 409 || way === "Gradio") && a.kind === "warning" && a.request === first.request, a.text ?? a.html);
  // The tag v1 is the same commit, which only the hub knows.
  const g = await byGradio(app, { ...one, revision: "v1" });
  ok("by a tag of the commit: Gradio, orange", g.kind === "warning" && g.zh.includes("同一个 commit") && g.en.includes(`submission ${first.request}`), g.html);
  const a = await byJson({ ...one, revision: "v1", precision: "float16" });
  const r = await settled(a.request);
  ok("by a tag of the commit: JSON", r.state === "DUPLICATE" && r.links?.duplicate_of?.endsWith(`/${first.request}`), JSON.stringify(r).slice(0, 500));
  const other = await byJson({ ...one, precision: "bfloat16" });
  ok("another precision is another submission", other.status === 202 && (await waitsFor(other.request)).state === "QUEUED", other.text);
});

// --- a slow hub ---
await test("a slow hub", async () => {
  const seen = [], began = Date.now();
  const g = await byGradio(app, { model: `slow/0.4-steps`, type }, seen);
  ok("progress in both languages", seen.some((s) => /核对/.test(s) && /being checked/.test(s)), JSON.stringify(seen.slice(0, 5)));
  ok("then the verdict", g.kind === "success" && /queue/.test(g.en), `${Date.now() - began} ms ${g.html}`);
  const h = await byGradio(app, { model: `slow/${Math.ceil(wait)}`, type });
  ok(`after ${wait} s it says that the check goes on`, h.kind === "success" && h.zh.includes("还在继续") && h.en.includes("goes on") && h.request > 0 && /^jbs_/.test(h.secret), h.html);
  ok("and where to look", (await ask("GET", `/en/requests/${h.request}`)).status === 200);
  const cancelled = await ask("POST", `/api/requests/${h.request}/cancel`, { headers: { Authorization: `Bearer ${h.secret}` } });
  ok("its secret is of use at once", cancelled.status === 200 && parsed(cancelled.text).status === "cancelled", cancelled.text);
  await pause(1000);
  same("a verdict that comes later changes nothing", (await settled(h.request)).state, "CANCELLED");
});
await test("a hub that is down for a while", async () => {
  await hub("/control/set?down=1");
  const a = await byJson({ model: "good/while-down", type });
  await pause(700);
  const r = parsed((await ask("GET", `/api/requests/${a.request}`)).text);
  ok("it waits", r.state === "SUBMITTED", JSON.stringify(r).slice(0, 300));
  await hub("/control/set?down=0");
  same("and is checked when the hub is back", (await waitsFor(a.request)).state, "QUEUED");
  const flaky = await byGradio(app, { model: "flaky/twice", type });
  ok("503 twice, then good", flaky.kind === "success" && flaky.request > 0, flaky.html);
});
await test("a hub that never answers", async () => {
  const a = await byJson({ model: "down/m", type });
  const r = await settled(a.request, 40);
  ok("is our failure, with its class", r.state === "FAILED" && r.failure.class === "hub_network" && r.failure.platform === true, JSON.stringify(r).slice(0, 500));
});

// --- answers of all kinds ---
await test("a hub that answers oddly", async () => {
  const passes = ["redirect/m", "renamed/m", "header/m-7b", "header/long", "shards/m-13b", "ownlicense/m", "flaky/429-m", "merge/m", "moe/m", "undisclosed/merge-m"];
  const fails = {
    "huge/m": ["model_info"], "cut/m": ["hub_network"], "bigheaders/m": ["model_info"], "silent/m": ["hub_network"], "largeconfig/m": ["hub_network", "config_missing"],
    "lying/commit": ["model_info", "hub_network"], "lying/negative": ["model_info", "weights_missing", "hub_network"], "lying/nan": ["hub_network", "model_info"], "lying/deep": ["hub_network", "model_info"], "lying/list": ["model_info", "hub_network"], "lying/page": ["hub_network", "model_info"],
    "redirectbad/host": ["hub_network", "model_info"], "redirectbad/metadata": ["hub_network", "model_info"], "redirectbad/plain": ["hub_network", "model_info"], "redirectbad/loop": ["hub_network", "model_info"], "redirectbad/file": ["hub_network", "model_info"], "redirectbad/user": ["hub_network", "model_info"], "redirectbad/odd": ["hub_network", "model_info"],
    "disabled/m": ["not_found"], "gated/closed": ["gated"], "header/broken": ["weights_corrupt"], "header/short": ["weights_corrupt"], "shards/lost": ["weights_missing", "weights_corrupt"],
  };
  const sent = new Map();
  for (const model of [...passes, ...Object.keys(fails)]) sent.set(model, (await byJson({ model, type, precision: "bfloat16" })).request);
  for (const model of passes) { const r = await settled(sent.get(model), 50); ok(`${model}: passes`, r.state === "QUEUED", JSON.stringify(r.failure ?? r).slice(0, 300)); }
  for (const [model, words] of Object.entries(fails)) { const r = await settled(sent.get(model), 50); ok(`${model}: ${words.join(" or ")}`, r.state === "FAILED" && words.includes(r.failure?.class), JSON.stringify(r.failure ?? r).slice(0, 300)); }
  const seen = await (await fetch(new URL("/control", process.env.JB_HUB))).json();
  ok("nobody came to the host that nobody allowed", !seen.hosts["127.0.0.3"], JSON.stringify(seen.hosts));
});

// --- the same again ---
await test("repeats", async () => {
  const one = { model: "good/again", type, nonce: nonce() };
  await byJson(one, { gone: 30 }).catch(() => {}); // the answer is lost
  const a = await byJson(one), b = await byJson(one);
  ok("JSON: the same request and secret", a.status < 300 && a.request === b.request && a.secret === b.secret && a.secret !== "", `${a.text} ${b.text}`);
  const other = await byJson({ ...one, model: "good/again-other" });
  ok("JSON: a nonce for another submission is refused", other.status === 422 && other.code === "nonce_reused", other.text);
  const short = await byJson({ ...one, nonce: "short" });
  ok("JSON: a short nonce is refused", short.status === 422 && short.code === "nonce_invalid", short.text);
  const hidden = await formNonce("/en");
  const form = { model: "good/again-form", type, nonce: hidden };
  await byForm(form, { lang: "/en", gone: 30 }).catch(() => {});
  const c = await byForm(form, { lang: "/en" }), d = await byForm(form, { lang: "/zh" });
  ok("the form, loaded again: the same", c.request > 0 && c.request === d.request && c.secret === d.secret && c.secret !== "", `${c.status} ${c.en} ${d.status} ${d.zh}`);
  ok("each page has a nonce of its own", (await formNonce()) !== (await formNonce()));
  const e = await byGradio(app, { model: "good/again-gradio", type }), f = await byGradio(app, { model: "good/again-gradio", type });
  ok("Gradio: the same session, the same submission", e.request === f.request && e.secret === f.secret && e.secret !== "", `${e.html} ${f.html}`);
  const another = await within(Client.connect(base.href, { events: ["data", "status"] }));
  const g = await byGradio(another, { model: "good/again-gradio", type });
  ok("Gradio: another session is told that it is there, without the secret", g.kind === "warning" && g.request === e.request && g.secret === "", g.html);
});
await test("after a failure", async () => {
  const a = await byJson({ model: "nolicense/again", type });
  await settled(a.request);
  const b = await byJson({ model: "nolicense/again", type });
  ok("it may be submitted again, with a new secret", b.status === 202 && b.request === a.request && b.secret !== a.secret, `${b.status} ${b.text}`);
});

// --- what is no submission ---
await test("forms of other sites", async () => {
  for (const origin of ["https://evil.example", "null", `${base.origin}.evil.example`, `http://${base.hostname}:1`, "http://user@" + base.host])
    for (const path of ["", "/zh", "/en"]) {
      const f = await byForm({ model: "good/cross", type }, { lang: path, headers: { Origin: origin } });
      ok(`${path}/submit from ${origin}: refused`, f.status === 403 && f.secret === "", `${f.status} ${f.text.slice(0, 200)}`);
    }
  const own = await byForm({ model: "good/own-site", type }, { headers: { Origin: base.origin } });
  ok("from our own: taken", own.status === 200 && own.secret !== "", `${own.status} ${own.en}`);
  for (const what of ["cancel", "rerun"]) {
    const r = await ask("POST", `/requests/${own.request}/${what}`, { headers: { Origin: "https://evil.example", "Content-Type": "application/x-www-form-urlencoded" }, body: `secret=${own.secret}` });
    same(`${what} from another site`, r.status, 403);
  }
});
await test("bodies that are none", async () => {
  const json = { "Content-Type": "application/json" };
  const post = (body, headers = json) => ask("POST", "/api/models/submit", { headers, body });
  const long = JSON.stringify({ model: "good/long", model_type: type, nonce: "x".repeat(66000) });
  for (const [label, body, statuses] of [
    ["an unknown key", JSON.stringify({ model: "good/x", model_type: type, colour: "red" }), [422]],
    ["a number for a text", JSON.stringify({ model: 7, model_type: type }), [422]],
    ["a list for a text", JSON.stringify({ model: ["good/x"], model_type: type }), [422]],
    ["an object for a text", JSON.stringify({ model: { a: 1 }, model_type: type }), [422]],
    ["a text for a truth", JSON.stringify({ model: "good/x", model_type: type, private: "no" }), [422]],
    ["a list", "[]", [422]], ["a text", '"good/x"', [422]], ["nothing", "", [400, 422]], ["blanks", "  ", [400, 422]],
    ["broken JSON", '{"model":"good/x"', [400, 422]], ["a comma too many", '{"model":"good/x",}', [400, 422]], ["something behind", '{"model":"good/x"} {}', [400, 422]],
    ["deep JSON", "[".repeat(5000) + "]".repeat(5000), [400, 422]], ["deep below a key", `{"model":${"[".repeat(2000)}${"]".repeat(2000)}}`, [400, 422]],
    ["a chat template", JSON.stringify({ model: "good/x", model_type: type, use_chat_template: true }), [422]],
    ["65 KiB", long, [413]],
  ]) {
    const a = await post(body);
    const reason = parsed(a.text)?.detail ?? parsed(a.text)?.error;
    ok(`${label}: ${statuses.join(" or ")} with a reason`, statuses.includes(a.status) && typeof reason === "string" && reason.length > 3, `${a.status} ${a.text.slice(0, 300)}`);
  }
  const form = await ask("POST", "/submit", { headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: "model=" + "x".repeat(66000) });
  same("a form of 65 KiB", form.status, 413);
  for (const method of ["GET", "PUT", "DELETE"]) same(`${method} of the endpoint`, (await ask(method, "/api/models/submit")).status === 405 || method === "GET", true);
});

// --- what the holder of a secret may do ---
await test("cancel and rerun", async () => {
  const json = { "Content-Type": "application/json" }, form = { "Content-Type": "application/x-www-form-urlencoded" };
  const own = (id, what, secret, headers = json) => ask("POST", `/api/requests/${id}/${what}`, { headers, body: secret === undefined ? undefined : JSON.stringify({ secret }) });
  const a = await byJson({ model: "good/mine", type });
  await waitsFor(a.request);
  const wrong = "jbs_" + "0".repeat(40);
  for (const what of ["cancel", "rerun"]) {
    same(`${what} with a wrong secret`, (await own(a.request, what, wrong)).status, 403);
    same(`${what} with none`, (await own(a.request, what, "")).status, 403);
    same(`${what} without a body`, (await own(a.request, what)).status, 403);
    same(`${what} with a wrong bearer`, (await own(a.request, what, undefined, { Authorization: `Bearer ${wrong}` })).status, 403);
    same(`${what} of another request`, (await own(a.request + 1000, what, a.secret)).status, 404);
    same(`${what} of no number`, (await own("x", what, a.secret)).status, 404);
    same(`${what} with an unknown key`, (await ask("POST", `/api/requests/${a.request}/${what}`, { headers: json, body: JSON.stringify({ secret: a.secret, x: 1 }) })).status, 422);
    same(`${what}: the form with a wrong secret`, (await ask("POST", `/en/requests/${a.request}/${what}`, { headers: form, body: `secret=${wrong}` })).status, 403);
  }
  same("nothing came of them", (await settled(a.request)).state, "QUEUED");
  same("rerun of what waits", (await own(a.request, "rerun", a.secret)).status, 409);
  const cancelled = await own(a.request, "cancel", a.secret);
  ok("cancel", cancelled.status === 200 && parsed(cancelled.text).status === "cancelled", cancelled.text);
  same("twice", (await own(a.request, "cancel", a.secret)).status, 409);
  const again = await own(a.request, "rerun", undefined, { Authorization: `Bearer ${a.secret}` });
  ok("rerun by Authorization", again.status === 200 || again.status === 202, `${again.status} ${again.text}`);
  same("waits again", (await waitsFor(a.request)).state, "QUEUED");
  const byPage = await ask("POST", `/zh/requests/${a.request}/cancel`, { headers: form, body: `secret=${a.secret}` });
  ok("cancel by the form", (byPage.status === 303 && /\/zh\/requests\/\d+$/.test(byPage.headers.location)) || byPage.status === 200, `${byPage.status} ${readPage(byPage.text).en}`);
  same("is cancelled", (await settled(a.request)).state, "CANCELLED");
  const page = await ask("GET", `/en/requests/${a.request}`);
  ok("no page shows the secret", !page.text.includes(a.secret));
});
finish();
