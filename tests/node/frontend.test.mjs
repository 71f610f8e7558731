// The real Gradio front end on our server, control by control. JB_URL, JB_VERSION ("4.44.1"),
// JB_WEB_PID (file with the pid of jinbang-web, which is restarted when it dies), JB_CHROMIUM,
// JB_SHOTS (folder for screenshots, optional).
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { finish, ok, same, test } from "./tap.mjs";

const url = process.env.JB_URL;
const host = new URL(url).host;
const six = process.env.JB_VERSION.startsWith("6");
// What the same files say on the Python server: 4.44 measures tables that are not shown, looks at tabs
// before they are there, has no description of calls by number, and takes its style sheet from the
// root of the host, whatever the mount (the page's own link has it already).
const excused = [/Element is not in the DOM/, /Attempted to select a non-interactive or hidden tab/, /Too many arguments provided for the endpoint/];
// The API panel of 6.x asks for what a server may have switched off.
if (six) excused.push(/status of 403 .*monitoring.summary/, /status of 404 .*mcp.schema/);
if (!six && new URL(url).pathname !== "/") excused.push(/Unable to preload CSS for http:..[^/]+.assets.index-/, /Refused to apply style from 'http:..[^/]+.assets.index-/, /status of 404 .*http:..[^/]+.assets.index-/);
const browser = await chromium.launch({
  executablePath: process.env.JB_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function open(path = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const trouble = [], posts = [];
  page.on("console", (m) => { if ((m.type() === "error" || m.type() === "warning") && !excused.some((e) => e.test(`${m.text()} ${m.location().url}`))) trouble.push(`${m.type()}: ${m.text()} ${m.location().url}`); });
  page.on("pageerror", (e) => trouble.push(String(e)));
  page.on("request", (r) => {
    if (!/^(data|blob):/.test(r.url()) && new URL(r.url()).host !== host) trouble.push(`request to ${r.url()}`);
    if (r.method() === "POST" && r.url().includes("/queue/join")) posts.push(r.postData().length);
  });
  // Between the first paint and the end somebody must always have seen one board, and never two.
  await page.addInitScript(() => {
    const seen = { both: 0, none: 0, frames: 0 };
    window.jbSeen = seen;
    const shown = (e) => e && e.getClientRects().length > 0;
    const look = () => {
      if (document.readyState !== "loading") {
        const ours = shown(document.querySelector("gradio-app > .jb")), theirs = shown(document.querySelector("#leaderboard-table"));
        seen.frames++;
        if (ours && theirs) seen.both++;
        if (!ours && !theirs && !window.jbDone) seen.none++;
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  page.setDefaultTimeout(20000);
  await page.goto(new URL(path, url).href, { waitUntil: "load" });
  await page.locator("#leaderboard-table").waitFor({ state: "visible" });
  await page.waitForFunction(() => document.querySelector("#leaderboard-table tbody tr td, #leaderboard-table .virtual-row > div")?.textContent.trim());
  await page.evaluate(() => { window.jbDone = true; });
  return { context, page, trouble, posts };
}

// The rows in the table, as far as they are there: both generations draw only those in sight.
const models = (page) => page.evaluate(() => [...document.querySelectorAll("#leaderboard-table tbody tr, #leaderboard-table .virtual-row")].map((r) => r.innerText).filter((t) => /[\w-]+\/[\w.-]+|Baseline/.test(t)));
const headers = (page) => page.evaluate(() => [...document.querySelectorAll("#leaderboard-table thead th")].filter((h) => h.getClientRects().length && h.innerText.trim()).map((h) => h.innerText.trim().replace(/\s+/g, " ")));
const until = async (page, what, why) => {
  for (let i = 0; i < 100; i++) {
    if (await what()) return true;
    await page.waitForTimeout(100);
  }
  throw new Error(`not seen in 10 s: ${why}`);
};
const shot = async (page, name) => { if (process.env.JB_SHOTS) await page.screenshot({ path: `${process.env.JB_SHOTS}/${process.env.JB_VERSION}-${name}.png` }); };
const tab = (page, name) => page.getByRole("tab", { name }).first().click();

await test("hand-over", async () => {
  const { context, page, trouble } = await open();
  const seen = await page.evaluate(() => window.jbSeen);
  ok("the board is seen once from the first frame to the last", seen.both === 0 && seen.none === 0 && seen.frames > 0, JSON.stringify(seen));
  ok("the server's board gave way", await page.locator("gradio-app > .jb").isHidden());
  ok("no sideways scroll", (await page.evaluate(() => document.documentElement.scrollWidth)) <= 1280);
  same("the headers of the table", (await headers(page)).slice(0, 4), ["T", "Model", "Average ⬆️", "ARC"]);
  await page.waitForTimeout(1500);
  ok("nothing in the console, no other host", trouble.length === 0, trouble.join("\n"));
  await shot(page, "board-light");
  await context.close();
});

await test("filters", async () => {
  const { context, page, trouble, posts } = await open();
  const all = await models(page);
  ok("rows", all.length > 10, all.length);
  await page.fill("#search-bar textarea, #search-bar input", "rhea");
  await page.press("#search-bar textarea, #search-bar input", "Enter");
  await until(page, async () => { const m = await models(page); return m.length > 0 && m.every((t) => /rhea/i.test(t)); }, "only rhea");
  ok("search with Enter", true);
  await page.fill("#search-bar textarea, #search-bar input", "");
  await page.press("#search-bar textarea, #search-bar input", "Enter");
  await until(page, async () => (await models(page)).length > 10, "all again");
  for (const [group, label, icon] of [["#filter-columns-type", "chat models", "💬"], ["#filter-columns-type", "pretrained", "🟢"]]) {
    await page.locator(`${group} label`, { hasText: label }).click();
    await until(page, async () => !(await models(page)).some((t) => t.trim().startsWith(icon)), `no ${icon}`);
    ok(`type ${label} off`, true);
  }
  const before = (await models(page)).join();
  await page.locator("#filter-columns-size label", { hasText: "~60" }).click();
  await until(page, async () => (await models(page)).join() !== before, "other sizes");
  ok("size off", true);
  const sized = (await models(page)).join();
  await page.locator("#filter-columns-precision label", { hasText: "bfloat16" }).click();
  await until(page, async () => (await models(page)).join() !== sized, "other precisions");
  ok("precision off", true);
  const shown = (await models(page)).join();
  await page.locator(".gradio-container label", { hasText: "Contains a merge/moerge" }).first().click();
  await until(page, async () => (await models(page)).join() !== shown, "merges as well");
  ok("hide merges off", true);
  await page.locator("#column-select label", { hasText: "Hub License" }).click();
  await until(page, async () => (await headers(page)).includes("Hub License"), "the column");
  ok("a column more", true);
  await page.locator("#column-select label", { hasText: "HellaSwag" }).click();
  await until(page, async () => !(await headers(page)).includes("HellaSwag"), "a column less");
  ok("a column less", true);
  ok("every click posts less than 4 KB", posts.length >= 9 && Math.max(...posts) < 4096, posts.join(" "));
  ok("nothing in the console, no other host", trouble.length === 0, trouble.join("\n"));
  await shot(page, "filtered");
  await context.close();
});

await test("?query=", async () => {
  const { context, page } = await open("?query=rhea");
  await until(page, async () => { const m = await models(page); return m.length > 0 && m.every((t) => /rhea/i.test(t)); }, "only rhea");
  ok("?query= fills the table", true);
  ok("and the search box", /rhea/.test(await page.inputValue("#search-bar textarea, #search-bar input")));
  await context.close();
});

await test("other tabs", async () => {
  const { context, page, trouble } = await open();
  await tab(page, "Metrics through time");
  await page.locator(".js-plotly-plot").nth(1).waitFor({ state: "visible" });
  ok("two plots", (await page.locator(".js-plotly-plot").count()) === 2);
  await until(page, async () => /Human Baseline Over Time/.test(await page.locator(".js-plotly-plot").first().innerText()), "the title");
  await page.waitForTimeout(500);
  await shot(page, "metrics");
  const [a, b] = [await page.locator(".js-plotly-plot").nth(0).boundingBox(), await page.locator(".js-plotly-plot").nth(1).boundingBox()];
  ok("side by side", Math.abs(a.y - b.y) < 5 && b.x > a.x + a.width - 5, JSON.stringify([a, b]));
  await tab(page, "About");
  await until(page, async () => /ARC/.test(await page.locator("body").innerText()), "the benchmarks");
  ok("About", true);
  await tab(page, "FAQ");
  await page.waitForTimeout(300);
  ok("FAQ", (await page.getByRole("tabpanel").filter({ visible: true }).first().innerText()).length > 200);
  await tab(page, "Submit");
  for (const label of [/Finished Evaluations \(\d+\)/, /Running Evaluation Queue \(\d+\)/, /Pending Evaluation Queue \(\d+\)/]) {
    const accordion = page.getByRole("button", { name: label }).or(page.locator("button", { hasText: label })).first();
    await accordion.click();
    ok(`accordion ${label}`, await accordion.isVisible());
  }
  await page.waitForTimeout(500);
  await shot(page, "submit");
  await page.getByLabel("Model name").first().fill("org/model");
  await page.getByRole("button", { name: "Submit Eval" }).click();
  await until(page, async () => /is accepted/.test(await page.locator("body").innerText()), "the answer");
  ok("the form is answered", true);
  await page.locator("button", { hasText: "Citation" }).first().click();
  await page.locator("#citation-button textarea").waitFor({ state: "visible" });
  ok("citation", /@misc|@article/.test(await page.inputValue("#citation-button textarea")));
  ok("nothing in the console, no other host", trouble.length === 0, trouble.join("\n"));
  await context.close();
});

await test("use via API", async () => {
  const { context, page, trouble } = await open();
  await page.getByRole("button", { name: /Use via API/ }).click();
  await until(page, async () => /\/update_table/.test(await page.locator("body").innerText()) && /\/predict/.test(await page.locator("body").innerText()), "the functions");
  ok("the panel lists the functions", true);
  const text = await page.locator("body").innerText();
  ok("with parameters", /fn_index|api_name/.test(text));
  await shot(page, "api");
  ok("nothing in the console, no other host", trouble.length === 0, trouble.join("\n"));
  await context.close();
});

await test("dark, and a phone", async () => {
  const { context, page, trouble } = await open("?__theme=dark");
  const color = (p) => p.evaluate(() => Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0]));
  ok("?__theme=dark", (await page.evaluate(() => document.querySelector(".dark") !== null)) && (await color(page)) < 100, await color(page));
  await shot(page, "board-dark");
  await tab(page, "Metrics through time");
  await page.locator(".js-plotly-plot").nth(1).waitFor({ state: "visible" });
  await page.waitForTimeout(500);
  await shot(page, "metrics-dark");
  await context.close();
  const phone = await open("", { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  ok("dark by the system", (await color(phone.page)) < 100, await color(phone.page));
  await shot(phone.page, "phone-dark");
  ok("nothing in the console, no other host", [...trouble, ...phone.trouble].length === 0, [...trouble, ...phone.trouble].join("\n"));
  await phone.context.close();
});

await test("two tabs at once", async () => {
  const [one, two] = await Promise.all([open(), open()]);
  const search = async (page, text) => {
    await page.fill("#search-bar textarea, #search-bar input", text);
    await page.press("#search-bar textarea, #search-bar input", "Enter");
    await until(page, async () => { const m = await models(page); return m.length > 0 && m.every((t) => t.toLowerCase().includes(text)); }, text);
  };
  await Promise.all([search(one.page, "rhea"), search(two.page, "smaug")]);
  ok("each has its own answer", (await models(one.page)).every((t) => /rhea/i.test(t)) && (await models(two.page)).every((t) => /smaug/i.test(t)));
  await one.context.close();
  await two.context.close();
});

await test("the server restarts under an open page", async () => {
  const { context, page } = await open();
  await page.waitForTimeout(1000); // the stream of its first call is closed by then, as it is mostly
  process.kill(Number(readFileSync(process.env.JB_WEB_PID, "utf8")), "SIGKILL");
  await page.waitForTimeout(1500);
  await page.locator("#leaderboard-table").waitFor({ state: "visible" });
  await page.fill("#search-bar textarea, #search-bar input", "smaug");
  await page.press("#search-bar textarea, #search-bar input", "Enter");
  await until(page, async () => { const m = await models(page); return m.length > 0 && m.every((t) => /smaug/i.test(t)); }, "the answer of the new server");
  ok("and the page goes on", true);
  await context.close();
});

await browser.close();
finish();
