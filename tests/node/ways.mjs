// The three ways to submit a model - JSON, the form without script, the Gradio function - with one shape
// of answer, and what becomes of a submission. JB_URL.
import http from "node:http";

export const base = new URL(process.env.JB_URL);

// One request; the answer's body as text. Fails when the connection does or nothing comes in time.
export function ask(method, path, { headers = {}, body, agent, seconds = 30, gone = 0 } = {}) {
  const payload = body === undefined ? undefined : Buffer.from(body);
  return new Promise((resolve, reject) => {
    const r = http.request({
      host: base.hostname, port: base.port, method, path: base.pathname.replace(/\/$/, "") + path, agent,
      headers: { ...headers, ...(payload ? { "Content-Length": payload.length } : {}) },
    }, (answer) => {
      const parts = [];
      answer.on("data", (d) => parts.push(d));
      answer.on("error", reject);
      answer.on("aborted", () => reject(new Error("broken off")));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(parts).toString("utf8") }));
    });
    r.setTimeout(seconds * 1000, () => r.destroy(new Error(`no answer in ${seconds} s`)));
    r.on("error", reject);
    r.end(payload);
    // A client that vanishes with its request on the way.
    if (gone) setTimeout(() => r.destroy(new Error("gone")), gone);
  });
}

export const parsed = (text) => { try { return JSON.parse(text); } catch { return null; } };

const entities = { lt: "<", gt: ">", amp: "&", quot: '"', "#39": "'", "#x27": "'" };
const plain = (html) => html.replace(/<[^>]*>/g, "").replace(/&(\w+|#\w+);/g, (all, e) => entities[e] ?? all);

const kinds = { red: "error", orange: "warning", green: "success", bad: "error", warn: "warning", good: "success" };

export async function byJson(submission, options = {}) {
  const body = { ...submission };
  delete body.type;
  if (submission.type !== undefined) body.model_type = submission.type;
  const answer = await ask("POST", "/api/models/submit", { ...options, headers: { "Content-Type": "application/json", ...options.headers }, body: JSON.stringify(body) });
  const json = parsed(answer.text) ?? {};
  const kind = { accepted: "success", refused: "error", duplicate: "warning" }[json.status] ?? "success";
  return { ...answer, json, kind, code: json.code, zh: json.message?.zh ?? "", en: json.message?.en ?? "", request: json.request ?? 0, secret: json.secret ?? "" };
}

export async function formNonce(lang = "") {
  const page = await ask("GET", `${lang}/submit`);
  return page.text.match(/name="nonce" value="([0-9a-f]{32})"/)?.[1] ?? "";
}

export async function byForm(submission, options = {}) {
  const fields = new URLSearchParams();
  for (const [key, name] of Object.entries({ model: "model", revision: "revision", type: "model_type", precision: "precision", weight_type: "weight_type", base_model: "base_model", nonce: "nonce" }))
    fields.set(name, submission[key] ?? (key === "precision" ? "float16" : key === "weight_type" ? "Original" : ""));
  if (!submission.nonce) fields.set("nonce", await formNonce(options.lang));
  const answer = await ask("POST", `${options.lang ?? ""}/submit`, { ...options, headers: { "Content-Type": "application/x-www-form-urlencoded", ...options.headers }, body: options.body ?? fields.toString() });
  return { ...answer, ...readPage(answer.text), nonce: fields.get("nonce") };
}

// What the page after a form says.
export function readPage(text) {
  const say = text.match(/<div class="jb-say (\w+)"[^>]*>([\s\S]*?)<\/div>/);
  const span = (lang) => plain(say?.[2].match(new RegExp(`<(?:span|p) lang="${lang}">([\\s\\S]*?)</(?:span|p)>`))?.[1] ?? "");
  return {
    kind: kinds[say?.[1]] ?? "", zh: span("zh-CN"), en: span("en"),
    request: Number(text.match(/href="[^"]*\/requests\/(\d+)"/)?.[1] ?? 0), secret: text.match(/<code>(jbs_[0-9a-f]{40})<\/code>/)?.[1] ?? "",
  };
}

export const gradioArgs = (s) => [s.model, s.base_model ?? "", s.revision ?? "", s.precision ?? "float16", s.private ?? false, s.weight_type ?? "Original", s.type ?? ""];

// The paragraph that the Gradio function answers.
export function readParagraph(html) {
  const whole = html.match(/^<p style="color: (red|orange|green); font-size: 20px; text-align: center;">([\s\S]*)<\/p>$/);
  const lines = (whole?.[2] ?? "").split("<br>");
  return {
    html, kind: kinds[whole?.[1]] ?? "", zh: plain(lines[0]), en: plain(lines[1] ?? ""),
    request: Number(html.match(/\/requests\/(\d+)"/)?.[1] ?? 0), secret: html.match(/<code>(jbs_[0-9a-f]{40})<\/code>/)?.[1] ?? "",
    // no markup but that of the answer itself
    clean: !!whole && whole[2].replace(/<br>|<\/?code>|<a href="[^"<>]*\/requests\/\d+">|<\/a>/g, "").indexOf("<") < 0,
  };
}

// By the npm client; `seen` collects the texts of its progress.
export async function byGradio(app, submission, seen = []) {
  const job = app.submit("/add_new_eval", gradioArgs(submission));
  const messages = job[Symbol.asyncIterator]();
  let html = "";
  for (let m = await messages.next(); !m.done; m = await messages.next()) {
    if (m.value.type === "data") html = m.value.data[0];
    if (m.value.type !== "status") continue;
    for (const p of m.value.progress_data ?? []) seen.push(p.desc ?? "");
    if (m.value.stage === "error") throw new Error(m.value.message ?? "error");
    if (m.value.stage === "complete") break;
  }
  return readParagraph(html);
}

// By the two calls of the REST door, as with curl.
export async function byCall(submission, prefix = "") {
  const posted = await ask("POST", `${prefix}/call/add_new_eval`, { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ data: gradioArgs(submission) }) });
  const id = parsed(posted.text)?.event_id;
  if (!id) return { status: posted.status, text: posted.text, kind: "", html: "" };
  const stream = await ask("GET", `${prefix}/call/add_new_eval/${id}`, { seconds: 60 });
  const last = stream.text.match(/event: complete\ndata: (.*)/);
  return { status: posted.status, text: stream.text, ...readParagraph(parsed(last?.[1] ?? "null")?.[0] ?? "") };
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// The request as the API has it, once it waits no more for the check.
export async function settled(id, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; ; await pause(100)) {
    const answer = await ask("GET", `/api/requests/${id}`);
    const json = parsed(answer.text);
    if ((json?.state && json.state !== "SUBMITTED") || Date.now() > end) return json ?? {};
  }
}

// As an own answer of a client with the nonce given: repeated until there is one.
export async function until(send, { seconds = 60, again = (a) => a.status === 502 || a.status === 503 || a.status === 504 } = {}) {
  for (const end = Date.now() + seconds * 1000; ; await pause(50 + Math.random() * 150)) {
    try {
      const answer = await send();
      if (!again(answer) || Date.now() > end) return answer;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
