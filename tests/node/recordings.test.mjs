// Each recorded request of Gradio 4.44.1 (bare paths) and 6.25.0 (under /gradio_api), asked of our
// server: same status, same content type, same shape of JSON, same sequence of messages. What
// differs stands in `known`, with the reason; an entry that no longer differs fails.
import { readFileSync, readdirSync } from "node:fs";
import { differences, events, shape, valuesOf } from "./shape.mjs";
import { finish, ok, test, within } from "./tap.mjs";

const url = process.env.JB_URL.replace(/\/$/, "");
const folder = `${process.env.JB_SRCDIR}/tests/data/recordings`;

// [what was asked, a line of difference, why]
const superset = "one config and one info serve all front ends and clients; each skips the keys it does not know";
const friendlier = "Gradio stumbles over it; ours says what is wrong, and clients show that";
const noGenerator = "no function of ours yields in between";
const apart = "files of a front end, which is installed apart";
const known = [
  [/(run_unknown|q_badfn_join)\.http/, /^status: 404, recorded 500$/, friendlier],
  [/(run_unknown|q_badfn_join)\.http/, /^type: application\/json, recorded text\/plain/, friendlier],
  [/6\.25\.0 callv2_echo_post_kw\.http/, /^status: 422, recorded 500$/, friendlier],
  [/6\.25\.0 callv2_echo_post_kw\.http/, /^type: application\/json, recorded text\/plain/, friendlier],
  [/call_stream_get\.http/, /^stream: complete, recorded (generating )+complete$/, noGenerator],
  [/q_stream_data\.http/, /^stream: estimation process_starts process_completed close_stream, recorded .*process_generating/, noGenerator],
  [/4\.44\.1 get_manifest/, /^(status: 200, recorded 404|type: application\/manifest\+json, recorded application\/json|\.detail: missing)$/, "one path for both; 6.x has a manifest"],
  [/4\.44\.1 get_manifest/, /^\.(name|icons|start_url|display): extra$/, "one path for both; 6.x has a manifest"],
  [/config|info/, /: (extra|missing), as in (4\.44\.1|6\.25\.0)$/, superset],
  [/config/, /^\.dependencies\[\]\.api_name: string, recorded boolean\|string$/, "the lab app has handlers without a name, our board has none"],
  [/6\.25\.0 config/, /^\.dependencies\[\]\.api_description: string, recorded null$/, "our functions say what they do"],
  [/config/, /^\.(current_page|deep_link_state): extra$/, "6.x adds them in the page only; ours inlines what /config has"],
  [/config/, /\.component_class_id: null, recorded string$/, "a hash of Python's class; null lets the front ends choose by type"],
  [/config/, /^<markdown>\.props\.elem_id: extra$/, "ids of the original board, which the lab app has not"],
  [/config/, /^<dataframe>\.props\.label: missing$/, "the lab app has a caption over its table, the original board none"],
  [/config/, /^<dataframe>\.props\.value\.data\[\]\[\]: .*null/, "the lab app misses no value"],
  [/info/, /^<Dropdown parameters>\.parameter_default: null\|string, recorded string$/, "the original board has no type chosen"],
  [/info/, /^<Textbox parameters>\.parameter_default: null\|string, recorded null$/, "all but the model's name may be left out"],
  [/info_all/, /^\.named_endpoints\[\]\.code_snippets: extra$/, "6.x leaves them out when asked for all endpoints; ours has one answer"],
  [/browser-load/, /^\/(assets|static)\/\S+: status 404$/, apart],
];

// --- the recorded app and ours -----------------------------------------------------------------

const typeNames = {
  "pretrained": "🟢 pretrained",
  "fine-tuned": "🔶 fine-tuned on domain-specific datasets",
};
// Bodies for functions of ours that end as the recorded ones did.
const update = (rest) => ({ name: "update_table", fn_index: 0, data: rest });
const refused = update([null, null, ["no such type"], null, null, null, ""]); // as gr.Error
const tooFew = update([]); // as an exception

/** The recorded call of a function of the lab app -> {name, fn_index, data} of ours. */
function call(name, data) {
  switch (name) {
    case "filter": {
      if (!data.length) return { name: "update_table", fn_index: 0, data };
      const [query, columns, types, precisions, sizes] = data;
      // The lab app had no such rows in the case of four columns; the answer without rows is the point.
      const text = columns.length < 4 && types.length < 2 ? "no model has this name" : query;
      return update([null, columns, types.map((t) => typeNames[t]), precisions, sizes, [], text]);
    }
    case "add_new_eval":
      if (data[0] === "") return refused;
      if (data[0] === "crash") return tooFew;
      // One that needs no hub, so that it is answered at once; the second time it is there already.
      return { name, fn_index: 8, data: ["jinbang/random", ...data.slice(1, 6), "🟢 : pretrained"] };
    case "echo": // one text in, one out; ours gives two
      return data.length ? { name: "load_query", fn_index: 2, data } : tooFew;
    case "stream_demo":
      return { name: "load_query", fn_index: 2, data };
    default:
      return { name, fn_index: 9999, data };
  }
}
const labFunctions = { 0: "filter", 6: "add_new_eval", 7: "stream_demo", 8: "echo" };

const eventIds = new Map();

/** Path and body for our server. */
function mapped(request) {
  let path = request.path, body = request.body, json;
  for (const [theirs, ours] of eventIds) path = path.replace(theirs, ours);
  try { json = JSON.parse(body); } catch { return { ...request, path }; }
  const named = path.match(/^(.*\/(?:run|api|call|call\/v2)\/)(\w+)$/);
  if (named && Array.isArray(json.data)) {
    const { name, data } = call(named[2], json.data);
    path = named[1] + name;
    json = { ...json, data };
  } else if (named && named[1].endsWith("/call/v2/")) {
    const { text, ...rest } = json;
    path = `${named[1]}add_new_eval`;
    json = { ...rest, model: text === undefined ? text : "jinbang/random", base_model: "", revision: "main", precision: "float16", private: false, weight_type: "Original", model_type: "🟢 : pretrained" };
  } else if (Number.isInteger(json.fn_index) && Array.isArray(json.data)) {
    const { fn_index, data } = call(labFunctions[json.fn_index], json.data);
    json = { ...json, fn_index, data };
  }
  return { ...request, path, body: JSON.stringify(json) };
}

// --- recordings ---------------------------------------------------------------------------------

function parseRequest(line) {
  if (!line.startsWith("# curl ")) return null;
  const at = line.lastIndexOf(" http://127.0.0.1:");
  const rest = line.slice(7, Math.max(at, 7));
  const data = rest.match(/-d (.*)$/);
  const method = rest.match(/(?:^| )-X (\w+)/)?.[1] ?? (/(^| )-I( |$)/.test(line.slice(7)) ? "HEAD" : "GET");
  return { method, path: line.slice(at).replace(/^ ?http:\/\/127\.0\.0\.1:\d+/, "").replace(/^.*http:\/\/127\.0\.0\.1:\d+/, ""), body: data?.[1] };
}

function parseAnswer(lines) {
  const status = Number(lines[0].split(" ")[1]);
  const end = lines.indexOf("");
  const headers = Object.fromEntries(lines.slice(1, end).map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
  return { status, type: headers["content-type"] ?? "", body: lines.slice(end + 1).join("\n") };
}

/** All of one version, a join before its stream and a stream that came too early before that. */
function recordings(version) {
  const rank = (file) => (/_data_early/.test(file) ? 0 : /_(join|post)/.test(file) ? 1 : /_(data|get)\.http$/.test(file) && !/^get_/.test(file) ? 3 : 2);
  return readdirSync(`${folder}/${version}`).filter((file) => file.endsWith(".http"))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((file) => {
      const lines = readFileSync(`${folder}/${version}/${file}`, "utf8").replaceAll("\r", "").split("\n");
      const request = parseRequest(lines[0]);
      const answer = parseAnswer(lines[0].startsWith("#") ? lines.slice(1) : lines);
      return { file, request, answer };
    });
}

// --- asking ours --------------------------------------------------------------------------------

/** A stream that does not end is read until `enough` of its text. */
async function ask({ method = "GET", path, body, headers = {} }, enough) {
  const response = await fetch(url + path, {
    method, redirect: "manual", body: method === "POST" ? body ?? "" : undefined,
    headers: { "Content-Type": "application/json", ...headers },
  });
  let text = "";
  if (!enough) text = await response.text();
  else {
    const reader = response.body.getReader();
    for (let part; !enough(text) && !(part = await reader.read()).done;) text += Buffer.from(part.value).toString();
    await reader.cancel();
  }
  return { status: response.status, type: response.headers.get("content-type") ?? "", body: text };
}

const isStream = (answer) => answer.type.startsWith("text/event-stream");
const merged = (list) => list.reduce((into, value) => shape(value, into), undefined);

function streamDifferences(recorded, ours) {
  const theirs = events(recorded), mine = events(ours);
  const word = (e) => e.event || e.data?.msg || e.data;
  const sequence = (list) => list.map(word).join(" ");
  const found = [];
  if (sequence(theirs) !== sequence(mine)) found.push(`stream: ${sequence(mine)}, recorded ${sequence(theirs)}`);
  for (const msg of new Set(theirs.map(word))) {
    const ofMine = mine.filter((e) => word(e) === msg);
    if (ofMine.length)
      found.push(...differences(merged(theirs.filter((e) => word(e) === msg).map((e) => e.data)), merged(ofMine.map((e) => e.data)), `(${msg})`));
  }
  return found;
}

function bodyDifferences(recorded, ours) {
  let theirs, mine;
  try { theirs = JSON.parse(recorded.body); } catch { return []; }
  try { mine = JSON.parse(ours.body); } catch { return [`.: no JSON, recorded ${recorded.body.slice(0, 40)}`]; }
  return differences(shape(theirs), shape(mine));
}

function answerDifferences(recorded, ours) {
  const found = [];
  if (recorded.status !== ours.status) found.push(`status: ${ours.status}, recorded ${recorded.status}`);
  if (recorded.type !== ours.type) found.push(`type: ${ours.type}, recorded ${recorded.type}`);
  return found.concat(isStream(recorded) ? streamDifferences(recorded.body, ours.body) : recorded.type === "application/json" ? bodyDifferences(recorded, ours) : []);
}

// --- the table of differences -------------------------------------------------------------------

const used = new Set();

function judge(name, found) {
  const unknown = found.filter((line) => {
    const entry = known.find(([where, what]) => where.test(name) && what.test(line));
    if (entry) used.add(entry);
    return !entry;
  });
  ok(name, unknown.length === 0, unknown.join("\n"));
}

// --- everything ---------------------------------------------------------------------------------

// The recorded app had run its functions before, so that mean times were known.
async function warmUp(prefix) {
  for (const fn_index of [0, 2, 8]) {
    const data = fn_index === 8 ? ["a/b", "", "main", "float16", false, "Original", "🟢 : pretrained"] : [null, null, null, null, null, null, "warm"];
    const session_hash = `warm${prefix.replace(/\W/g, "")}${fn_index}`;
    await ask({ method: "POST", path: `${prefix}/queue/join`, body: JSON.stringify({ data, fn_index, session_hash }) });
    await ask({ path: `${prefix}/queue/data?session_hash=${session_hash}` });
  }
}

async function replay(version, prefix) {
  for (const { file, request, answer } of recordings(version))
    await test(`${version} ${file}`, async () => {
      if (file === "heartbeat.http") {
        const twice = (text) => text.split("data: ALIVE\n\n").length > 2;
        judge(`${version} ${file}`, answerDifferences(answer, await within(ask({ path: `${prefix}/heartbeat/0123` }, twice))));
        return;
      }
      const early = request ?? { method: "GET", path: `${prefix}/queue/data?session_hash=${file}` };
      const ours = await within(ask(mapped(early)));
      const theirId = answer.body.match(/"event_id":"(\w{32})"/), ourId = ours.body.match(/"event_id":"(\w{32})"/);
      if (theirId && ourId) eventIds.set(theirId[1], ourId[1]);
      judge(`${version} ${file}`, answerDifferences(answer, ours));
    });
}

function groupBy(pairs) {
  const groups = {};
  for (const [name, value] of pairs) (groups[name] ??= []).push(value);
  return groups;
}

const json = (version, file) => JSON.parse(readFileSync(`${folder}/${version}/${file}`, "utf8"));

/** What the other recorded version has as well is no invention of ours. */
function withOther(version, found, other) {
  const there = new Set(other.filter((line) => / (extra|missing)$/.test(line)));
  const name = version === "4.44.1" ? "6.25.0" : "4.44.1";
  return found.map((line) => (/ (extra|missing)$/.test(line) && !there.has(line) ? `${line}, as in ${name}` : line));
}
const otherThan = (version) => (version === "4.44.1" ? "6.25.0" : "4.44.1");

/** Names of functions and component types are data: what stands under them is compared. */
function infoShape(info) {
  return shape({ ...info, named_endpoints: valuesOf(info.named_endpoints), unnamed_endpoints: valuesOf(info.unnamed_endpoints) });
}

function infoParts(info) {
  return groupBy(Object.values(info.named_endpoints).flatMap((e) => ["parameters", "returns"].flatMap((role) => e[role].map((p) => [`${p.component} ${role}`, p]))));
}

function infoDifferences(theirs, ours) {
  const strip = (info) => ({ ...info, named_endpoints: Object.fromEntries(Object.entries(info.named_endpoints).map(([k, e]) => [k, { ...e, parameters: [], returns: [] }])) });
  const found = differences(infoShape(strip(theirs)), infoShape(strip(ours)));
  const mine = infoParts(ours);
  for (const [component, parts] of Object.entries(infoParts(theirs)))
    if (mine[component]) found.push(...differences(merged(parts), merged(mine[component]), `<${component}>`));
  return found;
}

async function compareInfo(version, file, path) {
  const ours = JSON.parse((await within(ask({ path }))).body);
  const other = infoDifferences(json(otherThan(version), file), ours);
  judge(`${version} ${file}`, withOther(version, infoDifferences(json(version, file), ours), other));
}

function configDifferences(theirs, ours) {
  const top = (config) => shape({ ...config, components: [], layout: Object.keys(config.layout).sort(), page: valuesOf(config.page).map((p) => ({ ...p, layout: null })), dependencies: config.dependencies });
  const found = differences(top(theirs), top(ours));
  const byType = (config) => groupBy(config.components.map((c) => [c.type, c]));
  const mine = byType(ours);
  for (const [type, list] of Object.entries(byType(theirs)))
    if (mine[type]) found.push(...differences(merged(list), merged(mine[type]), `<${type}>`));
  return found;
}

async function compareConfig(version) {
  const ours = JSON.parse((await within(ask({ path: "/config" }))).body);
  const other = configDifferences(json(otherThan(version), "config.json"), ours);
  judge(`${version} config.json`, withOther(version, configDifferences(json(version, "config.json"), ours), other));
}

/** What a browser asked for when it loaded the page; other hosts are none of ours. */
async function replayBrowser(version) {
  const paths = readFileSync(`${folder}/${version}/browser-load-requests.txt`, "utf8").split("\n")
    .map((line) => line.split(" ")[1]).filter((word) => word && !word.startsWith("http"));
  const found = [];
  for (const path of new Set(paths.map((p) => (p === "[document]" ? "/" : `/${p}`)))) {
    const answer = await within(ask({ path }));
    if (answer.status !== 200) found.push(`${path}: status ${answer.status}`);
  }
  judge(`${version} browser-load-requests.txt`, found);
}

/** Requests of a real client: method, path, status, body. */
function clientLog(version, file) {
  return readFileSync(`${folder}/${version}/${file}`, "utf8").split("\n").filter((line) => line).map((line) => {
    const [, method, path, status, headers, , body] = line.match(/^(\w+) (\S+) -> (\d+) .*?hdrs=(\{.*?\})( body=(.*))?$/);
    return { method, path, status: Number(status), headers: JSON.parse(headers), body };
  });
}

async function replayClient(version, file) {
  const wrong = [];
  for (const request of clientLog(version, file)) {
    delete request.headers["content-length"];
    const endless = request.path.includes("/heartbeat/") ? (text) => text.includes("ALIVE") : null;
    const ours = await within(ask(mapped(request), endless));
    if (ours.status !== request.status) wrong.push(`${request.method} ${request.path}: ${ours.status}`);
    if (request.path.includes("/queue/data") && !/process_completed[\s\S]*close_stream/.test(ours.body)) wrong.push(`${request.path}: ${ours.body}`);
  }
  ok(`${version} ${file}`, wrong.length === 0, wrong.join("\n"));
}

for (const [version, prefix] of [["4.44.1", ""], ["6.25.0", "/gradio_api"]]) {
  await warmUp(prefix);
  await replay(version, prefix);
  await test(`${version} browser`, () => replayBrowser(version));
  await test(`${version} config`, () => compareConfig(version));
  await test(`${version} info`, () => compareInfo(version, "info.json", `${prefix}/info`));
  await test(`${version} all endpoints`, () => compareInfo(version, "info_all.json", `${prefix}/info?all_endpoints=true`));
}
for (const file of readdirSync(`${folder}/6.25.0`).filter((file) => file.startsWith("client-requests-")))
  await test(file, () => replayClient("6.25.0", file));

for (const entry of known) ok(`still differs: ${entry[0]} ${entry[1]}`, used.has(entry));
finish();
