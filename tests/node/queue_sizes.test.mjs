// The queue in the tables of Gradio, on the native pages and for programs, with as many entries as
// queue_files.mjs wrote. JB_URL; JB_QUEUE: a file of {state: [model…]} in the order of the tables; JB_INLINE:
// site.max_inline_rows; JB_CHROMIUM.
import { readFileSync } from "node:fs";
import { ask, base, parsed } from "./ways.mjs";
import { finish, ok, same, test } from "./tap.mjs";

const queue = JSON.parse(readFileSync(process.env.JB_QUEUE, "utf8")), most = Number(process.env.JB_INLINE);
const tables = ["running", "pending", "failed", "cancelled", "finished"];
const total = tables.reduce((n, t) => n + queue[t].length, 0);
const took = {};
async function get(path) {
  const began = performance.now();
  const a = await ask("GET", path, { headers: { Accept: "text/html" } });
  took[path.replace(/\d+/g, "N")] = performance.now() - began;
  if (a.status !== 200) ok(`GET ${path}`, false, `${a.status} ${a.text.slice(0, 200)}`);
  return a.text;
}
const names = (rows) => rows.map((row) => row[0].match(/<a[^>]*>([^<]*)<\/a>/)?.[1] ?? row[0]);

await test("Gradio", async () => {
  for (const path of ["/config", "/"]) {
    const text = await get(path);
    const config = path === "/" ? JSON.parse([...text.matchAll(/<script\b[^>]*>[\s\S]*?<\/script>/g)][1][0].slice(31, -10)) : JSON.parse(text);
    same(`${path}: running at 31`, names(config.components[31].props.value.data), queue.running.slice(0, most));
    same(`${path}: pending at 34`, names(config.components[34].props.value.data), queue.pending.slice(0, most));
    same(`${path}: six columns`, config.components[34].props.headers, ["model", "revision", "private", "precision", "weight_type", "status"]);
    const all = config.components.filter((c) => c.type === "dataframe" && [6, 8].includes(c.props.headers?.length)).map((c) => names(c.props.value.data));
    for (const t of tables) ok(`${path}: the ${t} table`, all.some((a) => JSON.stringify(a) === JSON.stringify(queue[t].slice(0, most))), JSON.stringify(all.map((a) => a.length)));
    const labels = JSON.stringify(config.components.map((c) => c.props.label ?? c.props.value).filter((l) => typeof l === "string"));
    for (const t of tables) ok(`${path}: says how many are ${t}`, labels.includes(`(${queue[t].length})`), labels.match(/\(\d+\)/g));
  }
});

await test("pages", async () => {
  for (const lang of ["", "/zh", "/en"]) {
    const text = await get(`${lang}/queue`);
    if (!total) {
      ok(`${lang}/queue: says that it is empty`, /class="jb-none"/.test(text) && (lang === "/en" || text.includes("队列是空的")) && (lang === "/zh" || text.includes("The queue is empty")));
      ok(`${lang}/queue: and no table`, !/<table/.test(text));
    }
    for (const t of total ? tables : []) {
      const section = text.match(new RegExp(`<section id="${t}">([\\s\\S]*?)</section>`))?.[1] ?? "";
      same(`${lang}/queue: ${t} has its number`, Number(section.match(/<small>(\d+)<\/small>/)?.[1]), queue[t].length);
      const rows = [...section.matchAll(/<td class="m"><a href="[^"]*\/requests\/\d+">([^<]*)<strong>([^<]*)<\/strong>/g)].map((m) => m[1] + m[2]);
      same(`${lang}/queue: ${t} has its first rows`, rows, queue[t].slice(0, rows.length));
      ok(`${lang}/queue: ${t} shows all or a page`, rows.length === Math.min(queue[t].length, 50), rows.length);
      if (!queue[t].length) ok(`${lang}/queue: ${t} says that there is none`, /目前没有|None at present/.test(section));
    }
  }
  for (const t of tables) {
    const seen = [];
    let path = `/en/queue?table=${t}`, pages = 0;
    while (path && pages++ < 300) {
      const text = await get(path);
      seen.push(...[...text.matchAll(/<td class="m"><a href="[^"]*\/requests\/\d+">([^<]*)<strong>([^<]*)<\/strong>/g)].map((m) => m[1] + m[2]));
      path = text.match(/<a href="([^"]*)">next<\/a>/)?.[1].replaceAll("&amp;", "&");
    }
    same(`${t}: its pages have each once, in order`, seen, queue[t]);
    const last = Math.max(1, Math.ceil(queue[t].length / 50));
    same(`${t}: no page behind the last`, (await ask("GET", `/en/queue?table=${t}&page=${last + 1}`)).status, 404);
  }
  for (const bad of ["table=nothing", "page=2", "table=failed&page=0", "table=failed&page=x"])
    ok(`?${bad} is refused`, [400, 404].includes((await ask("GET", `/en/queue?${bad}`)).status));
});

await test("programs", async () => {
  const status = parsed(await get("/api/models/status"));
  same("evaluating", status.evaluating.map((r) => r.name), queue.running);
  same("pending", status.pending.map((r) => r.name), queue.pending);
  same("finished", status.finished.map((r) => r.name), queue.finished);
  same("pending alone", parsed(await get("/api/models/pending")).map((r) => r.name), queue.pending);
  if (queue.pending.length) {
    const one = parsed(await get(`/api/models/${queue.pending.at(-1)}/status`));
    same("the last one knows its place", (one.requests ?? [one]).at(-1).place, queue.pending.length);
  }
});

if (process.env.JB_CHROMIUM)
  await test("browser", async () => {
    const { chromium } = await import("playwright-core");
    const browser = await chromium.launch({ executablePath: process.env.JB_CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
    for (const [path, width, javaScriptEnabled, colorScheme] of [["queue", 1400, true, "light"], ["zh/queue", 390, true, "dark"], ["en/queue", 390, false, "light"], ["en/queue?table=pending", 1400, true, "dark"]]) {
      const context = await browser.newContext({ viewport: { width, height: 844 }, javaScriptEnabled, colorScheme });
      const page = await context.newPage();
      const trouble = [];
      page.on("console", (m) => { if (m.type() === "error" || m.type() === "warning") trouble.push(m.text()); });
      page.on("request", (r) => { if (new URL(r.url()).host !== base.host && !r.url().startsWith("data:")) trouble.push(`request to ${r.url()}`); });
      await page.goto(new URL(path, base).href, { waitUntil: "load" });
      const name = `/${path} ${width} px ${javaScriptEnabled ? "script" : "no script"}`;
      ok(`${name}: visible`, await page.locator("main h1").first().isVisible());
      if (javaScriptEnabled) ok(`${name}: no sideways scroll`, (await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
      ok(`${name}: nothing in the console`, trouble.length === 0, trouble.join("\n"));
      if (process.env.JB_SHOTS) await page.screenshot({ path: `${process.env.JB_SHOTS}/queue-${total}-${path.replace(/\W/g, "")}-${width}.png` });
      await context.close();
    }
    await browser.close();
  });
const slow = Object.entries(took).sort((a, b) => b[1] - a[1]).slice(0, 4);
console.log(`# ${total} entries; slowest: ${slow.map(([p, ms]) => `${p} ${ms.toFixed(0)} ms`).join(", ")}`);
ok("no answer took 5 s", slow.every(([, ms]) => ms < 5000));
finish();
