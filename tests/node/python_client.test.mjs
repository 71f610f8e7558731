// What Python's gradio_client asks, in its order, as versions 0.13 to 2.6 do it (read from their source
// and recorded): JB_URL (gradio.heartbeat = 300ms, so that several come).
import http from "node:http";
import { finish, ok, same, test, within } from "./tap.mjs";

const url = process.env.JB_URL;
const agent = new http.Agent({ keepAlive: true });

// httpx gives up on a plain request after 5 s; we want far less than that.
async function ask(path, body) {
  const answer = await within(fetch(new URL(path, url), body && { method: "POST", headers: { "Content-Type": "application/json", "x-gradio-user": "api" }, body: JSON.stringify(body) }), 5);
  return { status: answer.status, json: await answer.json() };
}

// A stream as their reader sees it: blocks split at blank lines, each beginning `data:`.
function open(path) {
  const seen = { blocks: [], ended: false };
  seen.request = http.get(new URL(path, url), { agent, headers: { Accept: "*/*" } }, (answer) => {
    seen.status = answer.statusCode;
    let carry = "";
    answer.setEncoding("utf8");
    answer.on("data", (text) => {
      carry += text;
      const parts = carry.split("\n\n");
      carry = parts.pop();
      for (const block of parts) seen.blocks.push({ at: performance.now(), text: block });
    });
    answer.on("end", () => { seen.ended = true; });
    answer.on("error", () => { seen.ended = true; });
  });
  seen.request.on("error", () => { seen.ended = true; });
  return seen;
}
const until = async (what, why) => {
  for (let i = 0; i < 200; i++) {
    if (what()) return;
    await new Promise((r) => setTimeout(r, 25));
  }
  throw new Error(`not seen in 5 s: ${why}`);
};

for (const [generation, prefix] of [["0.13 to 1.3", ""], ["1.4 to 2.6", "gradio_api/"]]) {
  await test(generation, async () => {
    const config = (await ask("config")).json;
    same(`${generation}: protocol`, config.protocol, "sse_v3");
    const info = (await ask(`${prefix}info?serialize=False`)).json;
    ok(`${generation}: info has both kinds of endpoints`, info.named_endpoints && info.unnamed_endpoints);
    for (const e of Object.values(info.named_endpoints))
      for (const p of [...e.parameters, ...e.returns]) if (!p.python_type?.type || p.python_type.description === undefined || !p.component || p.label === undefined) ok(`${generation}: ${JSON.stringify(p).slice(0, 80)} is whole`, false);

    const heartbeat = open(`${prefix}heartbeat/${crypto.randomUUID()}`);
    const session = crypto.randomUUID();
    let stream, first = true;
    const ids = [];
    for (const f of config.dependencies) {
      const parameters = info.named_endpoints[`/${f.api_name}`].parameters;
      const data = parameters.map((p) => p.parameter_default ?? (p.component === "Textbox" ? "" : p.type.enum?.[0] ?? null));
      const joined = await ask(`${prefix}queue/join`, { data, fn_index: f.id, session_hash: session });
      const answered = performance.now();
      same(`${generation}: ${f.api_name} joins`, joined.status, 200);
      ids.push({ id: joined.json.event_id, answered, name: f.api_name });
      if (first || stream.ended) stream = open(`${prefix}queue/data?session_hash=${session}`);
      first = false;
      const mine = () => stream.blocks.find((b) => b.text.includes(`"process_completed","event_id":"${joined.json.event_id}"`));
      await until(mine, f.api_name);
      ok(`${generation}: ${f.api_name} ends after its join was answered`, mine().at > answered);
      const message = JSON.parse(mine().text.slice(5));
      ok(`${generation}: ${f.api_name} has its outputs`, f.api_name === "add_new_eval" || (message.success && message.output.data.length === f.outputs.length), JSON.stringify(message).slice(0, 200));
      ok(`${generation}: every block begins with data:`, stream.blocks.every((b) => b.text.startsWith("data:")));
      ok(`${generation}: every message says its event`, stream.blocks.every((b) => { const m = JSON.parse(b.text.slice(5)); return ["heartbeat", "close_stream"].includes(m.msg) || "event_id" in m; }));
    }
    await until(() => stream.ended, "the end of the stream");
    same(`${generation}: the last word is close_stream`, JSON.parse(stream.blocks.at(-1).text.slice(5)).msg, "close_stream");

    // Many at once on one open stream: none ends before its answer, and all come.
    const burst = `burst-${session}`;
    const filter = [null, ["ARC"], [], [], [], [], "rhea"];
    await ask(`${prefix}queue/join`, { data: filter, fn_index: 0, session_hash: burst });
    const shared = open(`${prefix}queue/data?session_hash=${burst}`);
    const answers = await Promise.all(Array.from({ length: 20 }, async () => {
      const joined = await ask(`${prefix}queue/join`, { data: filter, fn_index: 0, session_hash: burst });
      return { id: joined.json.event_id, at: performance.now() };
    }));
    const ends = (a) => shared.blocks.find((b) => b.text.includes(`"process_completed","event_id":"${a.id}"`));
    await until(() => answers.every(ends) || shared.ended, "20 events");
    same(`${generation}: 20 calls at once, each ends after its answer`, answers.filter((a) => !ends(a) || ends(a).at < a.at).length, 0);

    const last = await ask(`${prefix}queue/join`, { data: filter, fn_index: 0, session_hash: "gone" });
    same(`${generation}: cancel`, (await ask(`${prefix}cancel`, { session_hash: "gone", fn_index: 0, event_id: last.json.event_id })).json, { success: true });
    same(`${generation}: reset`, (await ask(`${prefix}reset`, { event_id: last.json.event_id })).json, { success: true });

    await until(() => heartbeat.blocks.length >= 4, "heartbeats");
    ok(`${generation}: the heartbeat goes on`, !heartbeat.ended && heartbeat.status === 200 && heartbeat.blocks.every((b) => b.text === "data: ALIVE"));
    heartbeat.request.destroy();
  });
}
agent.destroy();
finish();
