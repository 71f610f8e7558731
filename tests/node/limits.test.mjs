// A client and a server at its limits: JB_URL (gradio.max_events = 3), JB_WEB_PID; the package to load
// is the argument. An event waits as long as nobody opens its stream.
import { readFileSync } from "node:fs";
import { finish, ok, same, test, within } from "./tap.mjs";

const { Client } = await import(process.argv[2] ?? "@gradio/client");
const url = process.env.JB_URL;
const filter = [null, ["Average ⬆️"], [], [], [], [], "rhea"];
process.on("unhandledRejection", () => {}); // close() aborts what the clients still read

const post = (path, body) => fetch(new URL(path, url), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const join = async (session) => (await (await post("queue/join", { data: filter, fn_index: 0, session_hash: session })).json()).event_id;
const stream = async (session) => (await (await within(fetch(new URL(`queue/data?session_hash=${session}`, url)))).text()).split("\n\n").filter(Boolean).map((m) => JSON.parse(m.slice(6)));
const gauge = async (name) => Number((await (await fetch(new URL("metrics", url))).text()).match(new RegExp(`^jinbang_gradio_${name} (.*)$`, "m"))[1]);
const settled = async () => {
  for (let i = 0; i < 60; i++) {
    const left = [];
    for (const name of ["sessions", "events", "streams", "bytes"]) left.push(await gauge(name));
    if (left.every((n) => n === 0)) return left;
    await new Promise((r) => setTimeout(r, 100));
  }
  return Promise.all(["sessions", "events", "streams", "bytes"].map(gauge));
};
const failure = async (promise) => { try { await within(promise); return null; } catch (error) { return error; } };
const tag = process.pid;

await test("queue full", async () => {
  const app = await within(Client.connect(url));
  const ids = [await join(`a${tag}`), await join(`a${tag}`), await join(`b${tag}`)];
  for (let i = 0; i < 40 && (await gauge("events")) !== 3; i++) await new Promise((r) => setTimeout(r, 25)); // counted a moment later
  same("three events wait", await gauge("events"), 3);
  const quiet = console.error;
  console.error = () => {};
  const error = await failure(app.predict("/update_table", filter));
  console.error = quiet;
  // The clients have words of their own for a 503.
  ok("the fourth is refused", /busy|Queue is full/.test(error?.message ?? ""), JSON.stringify(error?.message ?? error));
  if ((process.argv[2] ?? "@gradio/client") === "@gradio/client") ok("as an Error", error instanceof Error, JSON.stringify(error));
  const refused = await post("queue/join", { data: filter, fn_index: 0, session_hash: `d${tag}` });
  same("with a reason", [refused.status, await refused.json()], [503, { detail: "Queue is full. Max size is 3 and size is 3." }]);
  same("cancelling a waiting one", await (await post("cancel", { session_hash: `a${tag}`, fn_index: 0, event_id: ids[0] })).json(), { success: true });
  const seen = await stream(`a${tag}`);
  const completed = seen.filter((m) => m.msg === "process_completed");
  same("two events of one session on one stream, in order", completed.map((m) => m.event_id), ids.slice(0, 2));
  same("the cancelled one is empty", [completed[0].output, completed[0].success], [{}, true]);
  same("the other has its table", completed[1].output.data[0].headers, ["T", "Model", "Average ⬆️", "model_name_for_query"]);
  same("then the stream closes", seen.at(-1).msg, "close_stream");
  await stream(`b${tag}`);
  const { data } = await within(app.predict("/update_table", filter));
  ok("and the client goes on", Array.isArray(data[0].data));
  await app.close?.();
});

await test("vanished in mid-event", async () => {
  const app = await within(Client.connect(url));
  app.submit("/predict", []);
  await app.close?.();
  const controller = new AbortController();
  await join(`c${tag}`);
  const answer = await fetch(new URL(`queue/data?session_hash=c${tag}`, url), { signal: controller.signal });
  await answer.body.getReader().read();
  controller.abort();
  same("nothing is left", await settled(), [0, 0, 0, 0]);
});

await test("a call while the server is away", async () => {
  const app = await within(Client.connect(url));
  const supervisor = Number(readFileSync(process.env.JB_WEB_PID, "utf8"));
  process.kill(supervisor, "SIGSTOP"); // nobody answers, as behind a dead host
  const quiet = console.error;
  console.error = () => {};
  const late = failure(app.predict("/update_table", filter));
  await new Promise((r) => setTimeout(r, 300));
  process.kill(supervisor, "SIGKILL");
  const error = await late;
  console.error = quiet;
  // 1.x rejects with its last status, 2.x with an Error.
  ok("it fails at once and says so", error?.stage === "error" || (error?.message ?? "").length > 0, JSON.stringify(error));
  await new Promise((r) => setTimeout(r, 1500));
  const again = await within(Client.connect(url));
  ok("and a new connect works", Array.isArray((await within(again.predict("/update_table", filter))).data[0].data));
  await app.close?.();
  await again.close?.();
});

await test("a restart between two calls", async () => {
  const app = await within(Client.connect(url));
  await within(app.predict("/update_table", filter));
  await new Promise((r) => setTimeout(r, 200)); // its stream is closed by now, as it mostly is
  process.kill(Number(readFileSync(process.env.JB_WEB_PID, "utf8")), "SIGKILL");
  await new Promise((r) => setTimeout(r, 1500));
  const { data } = await within(app.predict("/update_table", filter));
  ok("the client does not notice", Array.isArray(data[0].data));
  await app.close?.();
});

finish();
