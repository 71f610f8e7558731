// The pages in a real browser: with and without script, wide and phone, light and dark.
// JB_URL, JB_CHROMIUM (path), JB_SHOTS (folder for screenshots, optional).
import { chromium } from "playwright-core";
import { finish, ok, same, test } from "./tap.mjs";

const url = process.env.JB_URL;
const models = Number(process.env.JB_MODELS ?? 285);
const host = new URL(url).host;
const browser = await chromium.launch({
  executablePath: process.env.JB_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function open(options, path) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const trouble = [];
  page.on("console", (m) => { if (m.type() === "error" || m.type() === "warning") trouble.push(m.text()); });
  page.on("pageerror", (e) => trouble.push(String(e)));
  page.on("request", (r) => { if (new URL(r.url()).host !== host && !r.url().startsWith("data:")) trouble.push(`request to ${r.url()}`); });
  page.setDefaultTimeout(15000);
  await page.goto(new URL(path, url).href, { waitUntil: "load" });
  return { context, page, trouble };
}

for (const path of ["", "zh/", "en/", "about", "faq", "history", "queue", "zh/submit"])
  for (const width of [1400, 390])
    for (const colorScheme of ["light", "dark"])
      for (const javaScriptEnabled of [true, false]) {
        const name = `/${path} ${width} px ${colorScheme} ${javaScriptEnabled ? "script" : "no script"}`;
        await test(name, async () => {
          const { context, page, trouble } = await open({ viewport: { width, height: 844 }, colorScheme, javaScriptEnabled }, path);
          const seen = javaScriptEnabled
            ? await page.evaluate(() => ({ rows: document.querySelectorAll(".jb-table tbody tr").length, wide: document.documentElement.scrollWidth, background: getComputedStyle(document.body).backgroundColor }))
            : null;
          const shown = await page.locator(path.match(/about|faq|history|queue|submit/) ? "main h1" : ".jb-table tbody tr").first().isVisible();
          ok(`${name}: content visible`, shown);
          if (seen) {
            if (!path.match(/about|faq|history|queue|submit/)) same(`${name}: every row`, seen.rows, models + 1);
            ok(`${name}: no sideways scroll`, seen.wide <= width, seen.wide);
            const dark = Number(seen.background.match(/\d+/)[0]) < 128;
            ok(`${name}: colours follow the scheme`, dark === (colorScheme === "dark"), seen.background);
          }
          ok(`${name}: nothing in the console, no other host`, trouble.length === 0, trouble.join("\n"));
          if (process.env.JB_SHOTS) await page.screenshot({ path: `${process.env.JB_SHOTS}/${path.replace(/\W/g, "") || "home"}-${width}-${colorScheme}-${javaScriptEnabled ? "js" : "nojs"}.png` });
          await context.close();
        });
      }

await test("searching", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const { context, page } = await open({ javaScriptEnabled }, "en/");
    await page.fill("input[name=query]", "yi-34b");
    await page.press("input[name=query]", "Enter");
    await page.waitForURL(/query=yi-34b/);
    const names = await page.locator(".jb-table .m strong").allTextContents();
    ok(`search, ${javaScriptEnabled ? "script" : "no script"}`, names.length > 0 && names.every((n) => n.toLowerCase().includes("yi-34b")), names.join(" "));
    await page.locator(".jb-clear").click();
    await page.waitForURL(/\/en\/$/);
    same("clear all shows every model again", await page.locator(".jb-table tbody tr").count(), models + 1);
    await context.close();
  }
});

await test("filters and order", async () => {
  const { context, page } = await open({ viewport: { width: 1400, height: 900 } }, "en/");
  await page.locator("summary").click();
  await page.locator("input[name=precision][value=float16]").uncheck();
  await page.waitForURL(/precision=/);
  const precisions = new Set(await page.locator(".jb-table td[data-l=Precision]").allTextContents());
  ok("unticking a precision applies at once", !precisions.has("float16"), [...precisions].join(" "));
  ok("the address is short", !/type=|size=/.test(page.url()), page.url());
  await page.locator(".jb-table thead a", { hasText: "ARC" }).click();
  await page.waitForURL(/sort=arc/);
  const scores = (await page.locator(".jb-table tbody tr:not(.base) td[data-l=ARC]").allTextContents()).map(Number);
  ok("a click on a header sorts, highest first", scores.every((s, i) => i === 0 || s <= scores[i - 1]));
  same("the header says so", await page.locator("th[aria-sort]").getAttribute("aria-sort"), "descending");
  await context.close();
});

await test("theme", async () => {
  const { context, page } = await open({ colorScheme: "light" }, "");
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await background();
  await page.locator(".jb-theme").first().click();
  const after = await background();
  ok("the switch changes the colours", before !== after, `${before} ${after}`);
  await page.reload();
  same("and is remembered", await background(), after);
  await context.close();
});

await test("keyboard", async () => {
  const { context, page } = await open({}, "en/");
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  ok("focus is visible", outline !== "none", outline);
  await context.close();
});

await browser.close();
finish();
