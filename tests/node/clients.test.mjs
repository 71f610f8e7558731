// The npm client against a board: JB_URL, JB_SRCDIR; the package to load is the argument.
import * as reference from "./reference.mjs";
import { finish, ok, same, test, within } from "./tap.mjs";

const { Client } = await import(process.argv[2] ?? "@gradio/client");
const url = process.env.JB_URL;
const hidden = null;

// The 1.x client throws an unknown endpoint out of a promise that nobody can catch.
let stray;
process.on("unhandledRejection", (error) => stray?.(error));

// [name, average] of each row, whatever the columns.
function pairs(frame) {
  const name = frame.headers.indexOf("model_name_for_query"), average = frame.headers.indexOf("Average ⬆️");
  return frame.data.map((row) => [row[name], row[average]]);
}
const close = (a, b) => a.length === b.length && a.every(([n, v], i) => n === b[i][0] && Math.abs(v - b[i][1]) < 0.0101);
function sameRows(name, frame, want) {
  const got = pairs(frame);
  ok(name, close(got, want), `got ${got.length} rows ${JSON.stringify(got.slice(0, 3))}, want ${want.length} ${JSON.stringify(want.slice(0, 3))}`);
}

const app = await within(Client.connect(url, { events: ["data", "status"] }));
ok("connect", true);

await test("view_api", async () => {
  const api = await within(app.view_api());
  const names = Object.keys(api.named_endpoints);
  for (const name of ["/update_table", "/update_table_6", "/load_query", "/add_new_eval", "/predict"]) ok(`view_api lists ${name}`, names.includes(name));
  same("/update_table takes seven arguments", api.named_endpoints["/update_table"].parameters.length, 7);
});

await test("predict", async () => {
  for (const args of [[], ["", ""], {}]) {
    const { data } = await within(app.predict("/predict", args));
    same(`/predict with ${JSON.stringify(args)} gives every row`, data[0].data.length, reference.all.length);
    same("its last header", data[0].headers.at(-1), "model_name_for_query");
    same("the last four headers", [...data[0].headers.slice(-4)].sort(), ["Flagged", "MoE", "Model sha", "model_name_for_query"].sort());
    same("the baseline is last", data[0].data.at(-1)[1], "<p>Baseline</p>");
  }
});

const columns = ["Average ⬆️", "Precision"];
const call = ({ query = "", types = reference.allTypes, precisions = reference.precisions, sizes = reference.allSizes, columns: c = columns } = {}) =>
  within(app.predict("/update_table", [hidden, c, types, precisions, sizes, [], query]));

const { "🟢": pretrained, "💬": chat, "🔶": tuned } = reference.types;
const cases = [
  {}, { query: "yi" }, { query: "YI-34B ; mixtral;;" }, { query: "; ;" }, { query: "solar; yi; solar" }, { query: "nothing-like-this" }, { query: "license: apache" },
  { query: "yi; license: apache-2.0" }, { query: ".*" }, { query: "[a-z" }, { types: [pretrained] }, { types: [chat, tuned] }, { types: [] },
  { precisions: ["4bit"] }, { precisions: ["bfloat16", "4bit"] }, { precisions: [] }, { sizes: ["~7"] }, { sizes: ["70+", "~60"] }, { sizes: [] },
  { query: "llama", types: [tuned], precisions: ["float16"], sizes: ["~7", "~13"] },
];
for (const c of cases)
  await test(`filter ${JSON.stringify(c)}`, async () => sameRows(`filter ${JSON.stringify(c)}`, (await call(c)).data[0], reference.filter(c)));

await test("by number", async () => {
  const { data } = await within(app.predict(0, [hidden, columns, reference.allTypes, reference.precisions, reference.allSizes, [], "yi"]));
  sameRows("predict by fn_index", data[0], reference.filter({ query: "yi" }));
});

await test("columns", async () => {
  const { data } = await call({ columns: ["GSM8K", "ARC", "Hub License"], query: "yi" });
  same("columns stand in table order whatever the order of ticking", data[0].headers, ["T", "Model", "ARC", "GSM8K", "Hub License", "model_name_for_query"]);
});

await test("by name", async () => {
  const api = await app.view_api();
  const names = api.named_endpoints["/update_table"].parameters.map((p) => p.parameter_name);
  const { data } = await within(app.predict("/update_table", { [names[1]]: columns, [names[5]]: [], [names[6]]: "yi" }));
  sameRows("predict by parameter name", data[0], reference.filter({ query: "yi" }));
});

await test("every table function", async () => {
  for (let i = 0; i <= 6; i++) {
    if (i === 1) continue;
    const name = i === 0 ? "/update_table" : `/update_table_${i}`;
    const { data } = await within(app.predict(name, [hidden, columns, reference.allTypes, reference.precisions, reference.allSizes, [], "qwen"]));
    sameRows(name, data[0], reference.filter({ query: "qwen" }));
  }
  same("/load_query", (await within(app.predict("/load_query", []))).data.length, 2);
  // Refused, since the scrapers that come after want an empty queue.
  const answer = await within(app.predict("/add_new_eval", ["a/b", "", "main", "float16", false, "Original", null]));
  ok("/add_new_eval answers a paragraph", /<p style="color: red/.test(answer.data[0]));
});

await test("parallel", async () => {
  const queries = Array.from({ length: 30 }, (_, i) => ["yi", "llama", "qwen", "solar", "mixtral"][i % 5]);
  const answers = await Promise.all(queries.map((query) => call({ query })));
  ok("30 calls at once in one session", answers.every((a, i) => close(pairs(a.data[0]), reference.filter({ query: queries[i] }))));
  const others = await Promise.all(Array.from({ length: 50 }, () => within(Client.connect(url))));
  const each = await Promise.all(others.map((o) => within(o.predict("/predict", []))));
  ok("50 clients at once", each.every((a) => a.data[0].data.length === reference.all.length));
});

await test("errors", async () => {
  const failure = async (promise) => {
    const loose = new Promise((_, reject) => { stray = reject; });
    try { await within(Promise.race([promise, loose])); return null; } catch (error) { return String(error?.message ?? error); }
  };
  const quiet = console.error;
  console.error = () => {}; // 2.x also prints what it throws
  ok("an unknown function is refused", await failure(app.predict("/nothing", [])) !== null);
  console.error = quiet;
  const arity = await failure(app.predict("/add_new_eval", []).then((r) => { if (r) throw new Error(`answered ${JSON.stringify(r).slice(0, 100)}`); }));
  ok("too few arguments are refused", arity !== null, arity);
  const choice = await failure(app.predict("/update_table", [hidden, columns, ["nonsense"], reference.precisions, reference.allSizes, [], ""]));
  ok("a wrong choice is an error with its text", /nonsense/.test(choice ?? ""), choice);
  ok("the session lives on", (await call({ query: "yi" })).data[0].data.length > 0);
});

await test("submit", async () => {
  const job = app.submit("/update_table", [hidden, columns, reference.allTypes, reference.precisions, reference.allSizes, [], "yi"]);
  const seen = [];
  await within((async () => {
    // As `for await` does, but 1.19 hangs in the return() that a break would call.
    const messages = job[Symbol.asyncIterator]();
    for (let m = await messages.next(); !m.done; m = await messages.next()) {
      seen.push(m.value.type === "status" ? m.value.stage : m.value.type);
      if (m.value.type === "status" && m.value.stage === "complete") break;
    }
  })());
  const order = ["pending", "data", "complete"].map((stage) => seen.lastIndexOf(stage));
  ok("submit tells pending, data, complete, in this order", order[0] >= 0 && order[0] < order[1] && order[1] < order[2], seen.join(" "));
  const cancelled = app.submit("/predict", []);
  await within(cancelled.cancel());
  const after = await call({ query: "yi" });
  sameRows("a call after a cancelled one has its own answer", after.data[0], reference.filter({ query: "yi" }));
});

finish();
