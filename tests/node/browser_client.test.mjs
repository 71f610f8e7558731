// The client of the 4.2x days (0.14, which needs a browser) on a page of another origin: JB_URL,
// JB_CHROMIUM. Every call is a real cross-origin one.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { finish, ok, same, test } from "./tap.mjs";

const source = readFileSync(new URL("./node_modules/gradio-client-0-14/dist/index.js", import.meta.url), "utf8");
const browser = await chromium.launch({ executablePath: process.env.JB_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-features=BlockInsecurePrivateNetworkRequests,LocalNetworkAccessChecks"] });
const page = await browser.newPage();
const trouble = [];
page.on("pageerror", (e) => trouble.push(String(e)));
// A page of somebody else's; nothing listens there.
await page.route("http://elsewhere.test/**", (route) =>
  route.request().url().endsWith(".js")
    ? route.fulfill({ contentType: "text/javascript", body: source })
    : route.fulfill({ contentType: "text/html", body: "<!doctype html><title>elsewhere</title>" }));
await page.goto("http://elsewhere.test/");
const call = (name, run, argument) => page.evaluate(run, argument).catch((error) => { ok(name, false, error); });

await test("0.14 in a browser", async () => {
  const seen = await call("calls", async (url) => {
    const { client } = await import("http://elsewhere.test/client.js");
    const app = await client(url);
    const api = await app.view_api();
    const predict = await app.predict("/predict", ["", ""]);
    const choices = (label) => app.config.components.find((c) => c.props.label === label).props.choices.map((c) => c[1]);
    const filter = [null, ["Average ⬆️"], choices("Model types"), choices("Precision"), choices("Model sizes (in billions of parameters)"), [], "rhea"];
    const byIndex = await app.predict(0, filter);
    const stages = [];
    const data = await new Promise((resolve, reject) => {
      const job = app.submit("/update_table", filter);
      let got;
      job.on("data", (d) => { got = d.data; });
      job.on("status", (s) => {
        stages.push(s.stage);
        if (s.stage === "complete") resolve(got);
        if (s.stage === "error") reject(new Error(s.message));
      });
    });
    const several = await Promise.all(["rhea", "smaug", "yi"].map((q) => app.predict("/update_table", [...filter.slice(0, 6), q])));
    let error = null;
    try {
      await app.predict("/update_table", [...filter.slice(0, 2), ["nonsense"], ...filter.slice(3)]);
    } catch (e) {
      error = e.message ?? String(e);
    }
    return { functions: Object.keys(api.named_endpoints).length, rows: predict.data[0].data.length, byIndex: byIndex.data[0].data.length, stages, data: data[0].data.map((r) => r.at(-1)), several: several.map((a) => a.data[0].data.length), error };
  }, process.env.JB_URL);
  if (!seen) return;
  same("view_api", seen.functions, 10);
  same("predict by name", seen.rows, Number(process.env.JB_MODELS ?? 285) + 1);
  ok("predict by number", seen.byIndex > 0, seen.byIndex);
  ok("submit: stages", seen.stages.includes("pending") && seen.stages.at(-1) === "complete", seen.stages.join(" "));
  ok("submit: data", seen.data.length > 0 && seen.data.every((n) => /rhea/i.test(n)), seen.data.join(" "));
  ok("three calls at once", seen.several.every((n) => n > 0), seen.several.join(" "));
  ok("an error has its text", /nonsense/.test(seen.error ?? ""), seen.error);
  ok("nothing was thrown about", trouble.length === 0, trouble.join("\n"));
});

await browser.close();
finish();
