// The API for programs against its own description: JB_URL, JB_ROWS (rows without the baseline).
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv2020 from "ajv/dist/2020.js";
import { finish, ok, same, test } from "./tap.mjs";

const url = process.env.JB_URL.replace(/\/$/, "");
const rows = Number(process.env.JB_ROWS);
const openapi = await (await fetch(`${url}/openapi.json`)).json();
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: "doc", components: openapi.components });
const check = (schema, value) => {
  const valid = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')));
  return valid(value) ? "" : ajv.errorsText(valid.errors);
};

await test("the document", async () => {
  const result = await new Validator().validate(structuredClone(openapi));
  ok("valid OpenAPI", result.valid, JSON.stringify(result.errors));
  same("3.1.0", openapi.openapi, "3.1.0");
  same("the server is the mount", openapi.servers, [{ url: new URL(url).pathname }]);
  const ids = Object.values(openapi.paths).flatMap((p) => Object.values(p).map((o) => o.operationId));
  same("every operation has a name of its own", new Set(ids).size, ids.length);
});

const model = (await (await fetch(`${url}/api/leaderboard/formatted?limit=1`)).json())[0]?.model.name ?? "a/b";
const [owner, name] = model.split("/");
for (const [path, item] of Object.entries(openapi.paths)) {
  for (const [method, operation] of Object.entries(item)) {
    await test(`${method} ${path}`, async () => {
      let real = path.replace("{owner}", owner);
      const init = { method: method.toUpperCase() };
      if (path === "/api/models/{name}/status") real = path.replace("{name}", "bare");
      else real = real.replace("{name}", name);
      if (!operation.requestBody) real = real.replace("{id}", "1");
      if (operation.requestBody && path.startsWith("/api/") && path.includes("s/")) {
        /* a model that needs no hub; a submission that there is not */
        real = real.replace("{id}", "999999999");
        init.headers = { "Content-Type": "application/json" };
        init.body = JSON.stringify(path === "/api/models/submit" ? { model: "jinbang/random", model_type: "pretrained" } : { secret: "jbs_0" });
        const wrong = await fetch(url + real, { ...init, body: '{"nonsense":1}' });
        same(`${method} ${path}: an unknown member is refused`, wrong.status, 422);
        same(`${method} ${path}: with a reason`, check({ $ref: "#/components/schemas/Error" }, await wrong.json()), "");
      } else if (operation.requestBody) {
        const items = operation.requestBody.content["application/json"].schema.properties.data.prefixItems ?? [];
        init.headers = { "Content-Type": "application/json" };
        init.body = JSON.stringify({ data: items.map(() => null) });
      }
      if (path.includes("{event_id}")) {
        const post = openapi.paths[path.replace("/{event_id}", "")].post;
        const items = post.requestBody.content["application/json"].schema.properties.data.prefixItems ?? [];
        const joined = await (await fetch(url + path.replace("/{event_id}", ""), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ data: items.map(() => null) }) })).json();
        real = path.replace("{event_id}", joined.event_id);
      }
      const answer = await fetch(url + real, init);
      const described = operation.responses[answer.status];
      ok(`${method} ${path}: ${answer.status} is described`, described !== undefined, await (described ? "" : answer.text()));
      if (!described) return;
      const [type, content] = Object.entries(described.content)[0];
      ok(`${method} ${path}: its type`, answer.headers.get("content-type").startsWith(type), answer.headers.get("content-type"));
      const body = await answer.text();
      if (type === "application/json") same(`${method} ${path}: its schema`, check(content.schema, JSON.parse(body)), "");
      for (const parameter of operation.parameters ?? []) {
        const choices = parameter.schema.items?.enum ?? parameter.schema.enum ?? [];
        for (const choice of choices.slice(0, 12)) {
          const status = (await fetch(`${url}${real}?${parameter.name}=${encodeURIComponent(choice)}`)).status;
          if (status !== 200) ok(`${path}?${parameter.name}=${choice}`, false, status);
        }
      }
      if (operation.parameters?.some((p) => p.in === "query")) {
        const bad = await fetch(`${url}${real}?nonsense=1`);
        same(`${path}: an unknown key is refused`, bad.status, 400);
        same(`${path}: with a reason`, check({ $ref: "#/components/schemas/Error" }, await bad.json()), "");
      }
    });
  }
}

await test("pages", async () => {
  const seen = [];
  let next = `${url}/api/leaderboard?limit=${Math.max(1, Math.ceil(rows / 7))}`, pages = 0, total;
  while (next && pages < 20) {
    const answer = await fetch(next);
    total = Number(answer.headers.get("x-total-count"));
    seen.push(...(await answer.json()));
    const link = answer.headers.get("link")?.match(/<([^>]+)>; rel="next"/)?.[1];
    next = link ? new URL(link, url).href : null;
    pages++;
  }
  same("every row once", [seen.length, new Set(seen.map((r) => `${r.fullname} ${r["Model sha"]} ${r.Precision}`)).size, total], [rows, rows, rows]);
  const formatted = await (await fetch(`${url}/api/leaderboard/formatted`)).json();
  same("the same in the same order", formatted.map((e) => e.model.name), seen.map((r) => r.fullname));
  same("an offset behind the end", await (await fetch(`${url}/api/leaderboard?offset=${rows}`)).json(), []);
});

await test("filters", async () => {
  const all = await (await fetch(`${url}/api/leaderboard/formatted`)).json();
  const some = async (q) => (await (await fetch(`${url}/api/leaderboard/formatted?${q}`)).json()).map((e) => e.id);
  same("hide=flagged&hide=merged", await some("hide=flagged&hide=merged"), all.filter((e) => !e.features.is_flagged && !e.features.is_merged).map((e) => e.id));
  same("precision=bfloat16", await some("precision=bfloat16"), all.filter((e) => e.model.precision === "bfloat16").map((e) => e.id));
  same("query=yi", (await some("query=yi")).sort(), all.filter((e) => e.model.name.toLowerCase().includes("yi")).map((e) => e.id).sort());
  const sorted = (await (await fetch(`${url}/api/leaderboard/formatted?sort=arc&order=asc`)).json()).map((e) => e.evaluations.arc?.normalized_score).filter((s) => s !== undefined);
  same("sort=arc&order=asc", sorted, [...sorted].sort((a, b) => a - b));
  ok("scores are exact and in range", all.every((e) => Object.values(e.evaluations).every((v) => Math.abs(v.value * 100 - v.normalized_score) < 1e-6)));
});

finish();
