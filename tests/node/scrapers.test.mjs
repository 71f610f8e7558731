// The documented slicing of the community's scrapers, written anew: each must read every row.
import { finish, ok, same, test, within } from "./tap.mjs";

const url = process.env.JB_URL;
const models = Number(process.env.JB_MODELS ?? 285);
// Names that the queues should have; "" when empty.
const queued = { running: (process.env.JB_RUNNING ?? "").split(" ").filter(Boolean), pending: (process.env.JB_PENDING ?? "").split(" ").filter(Boolean) };
const page = await within(fetch(url).then((r) => r.text()));
const scripts = [...page.matchAll(/<script\b[^>]*>[\s\S]*?<\/script>/g)].map((m) => m[0]);

// The second script element of the document, 31 characters off its front and 10 off its end.
const config = JSON.parse(scripts[1].slice(31, -10));
ok("the second script is the bare config", scripts[1].startsWith("<script>window.gradio_config = ") && scripts[1].endsWith(";</script>"));

function firstTable(config, least) {
  for (let i = 0; i < 50; i++) {
    const props = config.components[i]?.props;
    if (!props?.value?.data || !props.headers || props.headers.length < least) continue;
    return props;
  }
}

await test("older and newer generation", async () => {
  const table = firstTable(config, 20);
  const plain = table.value.data.filter((row) => row[1].includes("href"));
  same("older generation: every row", plain.length, models);
  ok("older generation: the name is the last cell", plain.every((row) => /^[\w.-]+(\/[\w.-]+)?$/.test(row.at(-1))));
  const at = table.headers.indexOf("fullname");
  ok("newer generation: the column fullname", at >= 0 && plain.every((row) => row[at] === row.at(-1)));
});

await test("tracker", async () => {
  let base = -1;
  for (let i = 17; i < 50 && base < 0; i++) {
    const value = config.components[i].props.value;
    if (value === undefined || value === null || typeof value !== "object" || !("data" in value)) continue; // KeyError
    base = i;
  }
  same("tracker: base index", base, 17);
  const names = [];
  for (const row of config.components[base].props.value.data) {
    const href = row[1].match(/href="([^"]+)"/);
    if (!href) break;
    names.push(href[1].split("/").slice(-2).join("/"));
  }
  same("tracker: every row before the baseline", names.length, models);
  for (const [name, i] of [["running", base + 14], ["pending", base + 17]]) {
    const data = config.components[i].props.value?.data;
    ok(`tracker: the ${name} table is at ${i}`, Array.isArray(data));
    same(`tracker: every ${name} model`, data.map((row) => row[0].match(/<a[^>]*>([^<]*)<\/a>/)?.[1] ?? row[0]), queued[name]);
  }
});

await test("R script", async () => {
  const text = scripts[1].replace(/^<script>window\.gradio_config = /, "").replace(/;<\/script>$/, "");
  ok("R: long enough to be one", text.length > 10000);
  const found = config.components.find((c) => c.props?.headers?.some((h) => h.startsWith("Hub ❤️")));
  const width = found.props.value.headers.length;
  ok("R: rows of equal length", found.props.value.data.every((row) => row.length === width));
  ok("R: every Model cell is markup", found.props.value.data.every((row) => /<(a|p)\b/.test(row[1])));
  same("R: every row", found.props.value.data.length, models + 1);
});

await test("predict by REST", async () => {
  const answer = await within(fetch(new URL("run/predict", url), { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"data":["",""]}' }).then((r) => r.json()));
  const headers = answer.data[0].headers.slice(0, -4).concat("Flagged", "MoE");
  ok("CSV writer: its fixed columns", headers.includes("Precision") && headers.includes("#Params (B)") && headers.includes("Hub License"));
  same("CSV writer: every row", answer.data[0].data.filter((row) => row[1] !== "<p>Baseline</p>").length, models);
});

await test("most columns wins", async () => {
  const json = await within(fetch(new URL("config", url)).then((r) => r.json()));
  const tables = json.components.filter((c) => c.type === "dataframe" && c.props.value);
  const widest = tables.reduce((a, b) => ((b.props.value.headers.length > a.props.value.headers.length) ? b : a));
  same("most columns wins: every row", widest.props.value.data.length, models + 1);
  const links = widest.props.value.data.filter((row) => row[1].includes("href")).map((row) => [...row[1].matchAll(/href="([^"]+)"/g)].map((m) => m[1]));
  ok("most columns wins: first and last link of each cell", links.every((l) => l.length >= 2));
});

await test("queue poller", async () => {
  // Polls the status and pending lists and one model.
  const status = await within(fetch(new URL("api/models/status", url)).then((r) => r.json()));
  same("poller: evaluating", status.evaluating.map((r) => r.name), queued.running);
  same("poller: pending", (await within(fetch(new URL("api/models/pending", url)).then((r) => r.json()))).map((r) => r.name), queued.pending);
  const one = queued.pending[0];
  if (one) same("poller: one model", (await within(fetch(new URL(`api/models/${one}/status`, url)).then((r) => r.json()))).status, "PENDING");
});

await test("old pollers", async () => {
  // The page with a theme in its address, and the call of Gradio 3 by number.
  const themed = await within(fetch(new URL("?__theme=light", url)).then((r) => r.text()));
  ok("?__theme=light is the page", themed.includes("window.gradio_config = "));
  const answer = await within(fetch(new URL("api/predict", url), { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"fn_index":9,"data":[]}' }).then((r) => r.json()));
  same("POST /api/predict by number", answer.data[0].data.length, models + 1);
});

finish();
