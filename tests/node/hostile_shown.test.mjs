// Hostile names that were imported (hostile_files.mjs) are harmless wherever they are shown. JB_URL;
// JB_BEFORE: `/` as it was before; JB_CHROMIUM: a browser, optional.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { ask, base, parsed } from "./ways.mjs";
import { names, raw } from "./hostile.mjs";
import { finish, ok, same, test } from "./tap.mjs";

const get = async (path, headers = {}) => {
  const a = await ask("GET", path, { headers });
  if (a.status !== 200) ok(`GET ${path}`, false, `${a.status} ${a.text.slice(0, 200)}`);
  return a.text;
};
// Markup that could only have come out of a name.
const leaks = (html) => html.match(/<script>window\.__pwned|<img src=x|<svg onload|<[^>]*\son(mouseover|focus)="window/)?.[0];
const scripts = (html) => html.match(/<script\b/gi)?.length ?? 0;
const python = (program, input) => execFileSync("python3", ["-c", program], { input, encoding: "utf8", maxBuffer: 1 << 28 });

const status = parsed(await get("/api/models/status"));
const ids = Object.values(status).flat().map((r) => r.id).filter(Boolean);
const models = [...new Set(Object.values(status).flat().map((r) => r.name))];
console.log(`# ${models.length} models and ${ids.length} requests of hostile files are in the queue tables`);
ok("many of the names were imported", names.filter(([, n]) => models.some((m) => m === n)).length >= 20, models.length);

await test("pages", async () => {
  const before = scripts(readFileSync(process.env.JB_BEFORE, "utf8"));
  const home = await get("/");
  same("/: no script more than before", scripts(home), before);
  const element = [...home.matchAll(/<script\b[^>]*>[\s\S]*?<\/script>/g)].map((m) => m[0])[1];
  const config = parsed(element.slice(31, -10));
  ok("/: the second script is the config", config?.components?.length > 30);
  const table = config.components[17].props.value;
  ok("/: rows of equal length", table.data.every((row) => row.length === table.headers.length));
  const shown = table.data.map((row) => row[table.headers.indexOf("fullname")]);
  ok("/: hostile models are on the board", names.filter(([, n]) => shown.includes(n)).length >= 5, shown.length);
  // What the front end shows as HTML was escaped for that as well; other cells it shows as text.
  for (const c of config.components.filter((c) => c.type === "dataframe" && c.props.value?.data)) {
    const { headers, data } = c.props.value;
    const html = headers.map((_, i) => /markdown|html/.test(c.props.datatype[i]));
    const bad = data.flatMap((row) => row.filter((v, i) => html[i] && typeof v === "string" && leaks(v)));
    ok(`/: no markup of theirs in the ${data.length} rows of component ${c.id}`, bad.length === 0, bad.slice(0, 3).join("\n"));
  }
  same("/config is the same", parsed(await get("/config")).components[17].props.value.data.length, table.data.length);
  const trouble = [];
  const pages = ["/", "/zh/", "/en/", "/en/?hide=none", "/queue", "/zh/queue", "/en/queue", "/submit", "/history", "/about"];
  for (const table of ["finished", "running", "pending", "failed", "cancelled"]) pages.push(`/en/queue?table=${table}`);
  for (const id of ids) pages.push(`/requests/${id}`, `/en/requests/${id}`);
  for (const [, name] of names) pages.push(`/en/?query=${encodeURIComponent(name)}`);
  for (const name of models) pages.push(`/models/${name.split("/").map(encodeURIComponent).join("/")}`);
  const sure = new Set(["/", "/zh/", "/en/", "/en/?hide=none", "/queue", "/zh/queue", "/en/queue", "/submit", "/history", "/about", ...ids.map((id) => `/requests/${id}`)]);
  let seen = 0;
  for (const path of pages) {
    const a = await ask("GET", path, { headers: { Accept: "text/html" } });
    if (a.status === 200) seen++;
    if (a.status >= 500 || (sure.has(path) && a.status !== 200)) trouble.push(`${path}: ${a.status}`);
    const inner = a.text.replace(/<script\b[^>]*>[\s\S]*?<\/script>/g, "");
    if (leaks(inner)) trouble.push(`${path}: ${leaks(inner)}`);
    if (raw(a.text)) trouble.push(`${path}: a raw control character ${escape(raw(a.text)[0])}`);
    if (a.text.includes("\ufffd")) trouble.push(`${path}: invalid UTF-8`);
  }
  ok(`${pages.length} pages, ${seen} of them found: no markup, no control characters`, trouble.length === 0, trouble.slice(0, 10).join("\n"));
  ok("most of them are there", seen > ids.length * 2 + 10, seen);
});

await test("programs", async () => {
  const rows = parsed(await get("/api/leaderboard?limit=1000"));
  const found = names.filter(([, n]) => rows.some((r) => r.fullname === n));
  ok("JSON has the names as they are", found.length >= 5, found.length);
  const formatted = parsed(await get("/api/leaderboard/formatted"));
  ok("formatted as well", names.filter(([, n]) => formatted.some((r) => r.model.name === n)).length === found.length);
  for (const path of ["/api/leaderboard?limit=1000", "/api/leaderboard/formatted", "/api/models/status", "/api/models/pending", "/config", "/info"]) {
    const text = await get(path);
    ok(`${path}: JSON without raw control characters`, parsed(text) !== null && !raw(text), escape(raw(text)?.[0] ?? ""));
  }
  for (const id of ids.slice(0, 200)) {
    const a = await ask("GET", `/api/requests/${id}`);
    if (a.status !== 200 || !parsed(a.text) || raw(a.text)) ok(`/api/requests/${id}`, false, a.text.slice(0, 300));
  }
  for (const name of models) {
    const a = await ask("GET", `/api/models/${name.split("/").map(encodeURIComponent).join("/")}/status`);
    if (a.status >= 500 || !parsed(a.text)) ok(`status of ${JSON.stringify(name)}`, false, `${a.status} ${a.text.slice(0, 300)}`);
  }
  const csv = await get("/api/leaderboard.csv");
  const seen = python(`
import csv, io, sys
rows = list(csv.reader(io.StringIO(sys.stdin.buffer.read().decode("utf-8-sig"), newline=""), strict=True))
assert len({len(r) for r in rows}) == 1, sorted({len(r) for r in rows})
def number(x):
    try: float(x); return True
    except ValueError: return False
bad = [c for r in rows for c in r if c[:1] in "=+-@\\t\\r" and c and not number(c)]
assert not bad, bad[:5]
print(len(rows) - 1)`, csv);
  same("CSV: rows of one width, and no cell that a table would compute", Number(seen), rows.length);
  ok("CSV: no raw control characters", !raw(csv.replace(/^\ufeff/, "")), escape(raw(csv)?.[0] ?? ""));
  for (const name of ["results", "status"]) {
    const feed = await get(`/feeds/${name}.atom`);
    const n = python(`
import sys, xml.etree.ElementTree as E
atom = "{http://www.w3.org/2005/Atom}"
root = E.fromstring(sys.stdin.buffer.read())
assert root.tag == atom + "feed", root.tag
allowed = {"feed", "title", "subtitle", "id", "updated", "published", "link", "author", "name", "uri", "email", "entry", "summary", "content", "category", "generator", "icon", "logo", "rights"}
strange = {e.tag for e in root.iter()} - {atom + t for t in allowed}
assert not strange, strange
assert not any(l.get("href", "").lower().startswith(("javascript:", "data:")) for l in root.iter(atom + "link"))
print(len(root.findall(atom + "entry")))`, feed);
    ok(`/feeds/${name}.atom is well-formed Atom with entries`, Number(n) > 0, n);
    ok(`/feeds/${name}.atom has no raw control characters`, !raw(feed));
  }
});

if (process.env.JB_CHROMIUM)
  await test("browser", async () => {
    const { chromium } = await import("playwright-core");
    const browser = await chromium.launch({ executablePath: process.env.JB_CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
    const context = await browser.newContext();
    const page = await context.newPage();
    const trouble = [];
    page.on("dialog", (d) => { trouble.push(`dialog on ${page.url()}`); d.dismiss(); });
    page.on("console", (m) => { if (/Content Security Policy|__pwned/i.test(m.text())) trouble.push(`${page.url()}: ${m.text()}`); });
    page.on("request", (r) => { const u = new URL(r.url()); if (u.host !== base.host && u.protocol !== "data:") trouble.push(`${page.url()}: request to ${r.url().slice(0, 100)}`); });
    page.setDefaultTimeout(15000);
    let loaded = 0;
    for (const path of ["", "en/", "zh/?hide=none", "queue", "en/queue?table=failed", "en/queue?table=finished", "submit", ...ids.slice(0, 25).map((id) => `requests/${id}`), ...models.slice(0, 25).map((m) => `models/${m.split("/").map(encodeURIComponent).join("/")}`)]) {
      const answer = await page.goto(new URL(path, base).href, { waitUntil: "load" });
      if (answer?.status() === 200) loaded++;
      // What only happens when somebody moves or types.
      await page.evaluate(() => { for (const e of document.querySelectorAll("*")) { e.dispatchEvent(new Event("mouseover")); e.dispatchEvent(new Event("focus")); } });
      if (await page.evaluate(() => window.__pwned !== undefined)) trouble.push(`${path}: a script ran`);
      const handlers = await page.evaluate(() => [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => /^on/i.test(a.name) || (/^(href|src|action)$/i.test(a.name) && /^\s*(javascript|data|vbscript):/i.test(a.value) && e.tagName !== "LINK"))).map((e) => e.outerHTML.slice(0, 150)));
      if (handlers.length) trouble.push(`${path}: ${handlers[0]}`);
    }
    await browser.close();
    ok(`a browser ran nothing of it on ${loaded} pages`, trouble.length === 0, trouble.slice(0, 8).join("\n"));
    ok("and it saw many pages", loaded > 30, loaded);
  });
else console.log("# no browser");
finish();
