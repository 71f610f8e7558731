// Prints what the stand-in front end says when a browser has started it: URL.
import { createRequire } from "node:module";
const { chromium } = createRequire(process.cwd() + "/")("playwright-core");

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage();
await page.goto(process.argv[2], { waitUntil: "load" });
await page.waitForFunction(() => window.started, null, { timeout: 10000 });
console.log(await page.evaluate(() => window.started));
await browser.close();
