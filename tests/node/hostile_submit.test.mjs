// Hostile names are refused at submit in all three ways, with a reason that does not repeat them. JB_URL.
import { ask, byCall, byForm, byJson, formNonce, gradioArgs, parsed, readPage, readParagraph } from "./ways.mjs";
import { bytes, names, raw } from "./hostile.mjs";
import { finish, ok, same, test } from "./tap.mjs";

const type = "🟢 : pretrained";
const json = { "Content-Type": "application/json" }, form = { "Content-Type": "application/x-www-form-urlencoded" };
const said = (a) => a.zh.length > 3 && a.en.length > 3;
// Markup, control characters and what turns a line must not come back as they went in. The form keeps in
// its fields what was typed; elsewhere nothing that is not plain comes back.
const marks = /[<>"'\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/, strange = /[^ -~]|[<>"'&`]/;
const harmless = (text, name, form = false) => !((form ? marks : strange).test(name) && text.includes(name)) && !raw(text) && !/<script>window\.__pwned|<img src=x|<svg onload/.test(text);

const before = parsed((await ask("GET", "/api/models/status")).text);

for (const [label, name] of names)
  await test(label, async () => {
    const submission = { model: name, type, nonce: await formNonce() };
    const a = await byJson({ ...submission, precision: "float16" });
    ok(`${label}: JSON refuses it`, a.status === 422 && a.code === "model_invalid" && said(a) && harmless(a.text, name), `${a.status} ${a.text.slice(0, 300)}`);
    const f = await byForm(submission);
    ok(`${label}: the form refuses it`, f.status === 422 && f.kind === "error" && said(f) && harmless(f.text, name, true), `${f.status} ${f.kind} ${f.zh} ${f.en}`);
    const g = await byCall(submission);
    ok(`${label}: Gradio refuses it`, g.kind === "error" && g.clean && said(g) && harmless(g.html, name), `${g.status} ${g.text.slice(0, 300)}`);
  });

// Other fields: the revision, the base model, the precision, the type, the nonce.
const hostile = names.filter(([label]) => /script|quote|line|colour|right to left|10 kB|up|URL|Chinese|array/.test(label));
for (const [field, code] of [["revision", "revision_invalid"], ["base_model", "base_model_invalid"], ["precision", "precision_invalid"], ["weight_type", "weight_type_invalid"], ["type", "model_type_missing"]])
  await test(field, async () => {
    const bad = [];
    for (const [label, value] of hostile) {
      const submission = { model: "org/model", type, [field]: value };
      if (field === "revision" && /^org\/|^\w/.test(value) && /^[\w./-]{1,128}$/.test(value) && !/\.\.|\/\//.test(value)) continue; // a branch may be called so
      const a = await byJson(submission), f = await byForm(submission), g = await byCall(submission);
      if (!(a.status === 422 && a.code === code && said(a) && harmless(a.text, value))) bad.push(`JSON, ${label}: ${a.status} ${a.text.slice(0, 200)}`);
      if (!(f.status === 422 && f.kind === "error" && harmless(f.text, value, true))) bad.push(`form, ${label}: ${f.status} ${f.kind} ${f.en}`);
      if (!(g.kind === "error" && g.clean && harmless(g.html, value))) bad.push(`Gradio, ${label}: ${g.text.slice(0, 200)}`);
    }
    ok(`a hostile ${field} is refused`, bad.length === 0, bad.slice(0, 6).join("\n"));
  });

// Bytes that are no text.
for (const [label, value] of bytes)
  await test(label, async () => {
    const around = (a, b) => Buffer.concat([Buffer.from(a), value, Buffer.from(b)]);
    const a = await ask("POST", "/api/models/submit", { headers: json, body: around('{"model":"', `","model_type":"${type}"}`) });
    ok(`${label}: JSON refuses it`, (a.status === 400 || a.status === 422) && parsed(a.text) !== null && !raw(a.text), `${a.status} ${a.text}`);
    const percent = [...value].map((b) => "%" + b.toString(16).padStart(2, "0")).join("");
    const rest = `&model_type=${encodeURIComponent(type)}&precision=float16&nonce=${await formNonce()}`;
    for (const body of [`model=${percent}${rest}`, around("model=", rest)]) {
      const f = await ask("POST", "/submit", { headers: form, body });
      ok(`${label}: the form refuses it`, (f.status === 400 || f.status === 422) && !raw(f.text), `${f.status} ${readPage(f.text).en}`);
    }
    const g = await ask("POST", "/call/add_new_eval", { headers: json, body: around('{"data":["', `","","main","float16",false,"Original","${type}"]}`) });
    let text = g.text;
    if (g.status === 200) text = (await ask("GET", `/call/add_new_eval/${parsed(g.text).event_id}`)).text;
    ok(`${label}: Gradio refuses it`, g.status !== 200 ? g.status < 500 : readParagraph(parsed(text.match(/event: complete\ndata: (.*)/)?.[1] ?? "null")?.[0] ?? "").kind === "error" || /event: error/.test(text), `${g.status} ${text.slice(0, 300)}`);
  });
await test("escapes of JSON", async () => {
  for (const [label, escape] of [["NUL", "\\u0000"], ["half a pair", "\\ud800"], ["the other half", "\\udc00"], ["no escape", "\\x41"], ["a cut one", "\\u00"]]) {
    const a = await ask("POST", "/api/models/submit", { headers: json, body: `{"model":"org/a${escape}b","model_type":"${type}"}` });
    ok(`${label}: refused`, (a.status === 400 || a.status === 422) && parsed(a.text) !== null && !raw(a.text), `${a.status} ${a.text}`);
  }
});
await test("arguments of other types", async () => {
  // A number or a truth is taken as its text, as Gradio does; what has no text is refused.
  const good = gradioArgs({ model: "org/model", type }), taken = [];
  for (let i = 0; i < 7; i++)
    for (const value of [{}, [["x"]], [], { toString: "x" }, "\u0000", "x".repeat(200000), ...([0, 3, 6].includes(i) ? [null, ""] : [])]) {
      if (i === 4) continue; // the tick for private ones has no text
      const data = [...good];
      data[i] = value;
      const g = await ask("POST", "/run/add_new_eval", { headers: json, body: JSON.stringify({ data }) });
      const answer = parsed(g.text);
      if (g.status === 200 ? readParagraph(String(answer?.data?.[0] ?? "")).kind !== "error" : typeof (answer?.error ?? answer?.detail) !== "string" || raw(g.text)) taken.push(`argument ${i} as ${JSON.stringify(value).slice(0, 20)}: ${g.status} ${g.text.slice(0, 200)}`);
    }
  ok("no argument without a text is taken", taken.length === 0, taken.join("\n"));
});
same("nothing was stored", parsed((await ask("GET", "/api/models/status")).text), before);
same("nothing waits", (parsed((await ask("GET", "/api/models/pending")).text) ?? []).length, 0);
finish();
