// Writes request, result and model files whose names and other texts are hostile: FOLDER. Prints how many
// of each.
import { mkdirSync, writeFileSync } from "node:fs";
import { canary, names } from "./hostile.mjs";

const folder = process.argv[2];
const statuses = ["FINISHED", "PENDING", "RUNNING", "FAILED", "FINISHED", "CANCELLED"];
const markup = `</script><script>${canary}</script>"'><img src=x onerror=${canary}>\u202e\u001b[31m,=1+1`;
const infos = {};
for (const kind of ["requests", "results"]) mkdirSync(`${folder}/${kind}/org`, { recursive: true });
names.forEach(([, name], i) => {
  for (const [k, model, more] of [["n", name, {}], ["t", `org/text-${i}`, { architectures: markup, license: markup, model_type: markup, base_model: name, revision: i % 2 ? markup : "main", job_id: markup, submitter: markup }]]) {
    const status = k === "n" ? statuses[i % statuses.length] : statuses[(i + 1) % statuses.length];
    writeFileSync(`${folder}/requests/org/${k}${i}_eval_request_False_float16_Original.json`, JSON.stringify({
      model, base_model: "", revision: "main", private: false, precision: "float16", params: 7, architectures: "LlamaForCausalLM", weight_type: "Original",
      status, submitted_time: "2024-01-02T03:04:05Z", model_type: "🟢 : pretrained", job_id: -1, job_start_time: null, ...more }));
    if (status !== "FINISHED") continue;
    mkdirSync(`${folder}/results/org/${k}${i}`, { recursive: true });
    writeFileSync(`${folder}/results/org/${k}${i}/results_2024-01-03T04-05-06.000000.json`, JSON.stringify({
      config_general: { model_name: model, model_sha: k === "t" ? markup : "", model_dtype: "torch.float16", lighteval_sha: markup },
      results: { "harness|arc:challenge|25": { acc_norm: 0.5 }, "harness|hellaswag|10": { acc_norm: 0.5 }, "harness|truthfulqa:mc|0": { mc2: 0.5 }, "harness|winogrande|5": { acc: 0.5 },
        "harness|gsm8k|5": { acc: 0.5 }, [`harness|${markup}|5`]: { [markup]: 0.5 }, ...Object.fromEntries(Array.from({ length: 57 }, (_, t) => [`harness|hendrycksTest-${t}|5`, { acc: 0.5 }])) } }));
  }
  infos[name] = { likes: 1, license: markup, still_on_hub: i % 2 === 0, tags: ["merge", markup] };
  infos[`org/text-${i}`] = { likes: 2, license: markup, still_on_hub: true, tags: [markup, "flagged:undisclosed_merge"] };
});
writeFileSync(`${folder}/model_infos.json`, JSON.stringify(infos));
console.log(names.length);
