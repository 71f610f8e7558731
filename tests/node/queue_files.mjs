// Request files in every state: FOLDER N. Prints {table: [model…]} in the order in which tables show them.
import { mkdirSync, writeFileSync } from "node:fs";

const folder = process.argv[2], n = Number(process.argv[3]);
const states = { finished: ["FINISHED", 0.3], running: ["RUNNING", 0.1], pending: ["PENDING", 0.4], failed: ["FAILED", 0.1], cancelled: ["CANCELLED", 0.1] };
const queue = {};
let at = Date.UTC(2024, 0, 1), made = 0;
for (const [table, [status, part]] of Object.entries(states)) {
  const names = [];
  for (let i = 0; i < Math.round(n * part); i++, made++, at += 61000) {
    const model = `org-${i % 37}/${table}-${i}`;
    mkdirSync(`${folder}/org-${i % 37}`, { recursive: true });
    writeFileSync(`${folder}/${model}_eval_request_False_${i % 2 ? "float16" : "bfloat16"}_Original.json`, JSON.stringify({
      model, base_model: "", revision: "main", private: false, precision: i % 2 ? "float16" : "bfloat16", params: 7, architectures: "LlamaForCausalLM", weight_type: "Original",
      status, submitted_time: new Date(at).toISOString().replace(/\.\d+/, ""), model_type: "🟢 : pretrained", job_id: made, job_start_time: null }));
    names.push(model);
  }
  queue[table] = ["finished", "failed", "cancelled"].includes(table) ? names.reverse() : names;
}
console.log(JSON.stringify(queue));
