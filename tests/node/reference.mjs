// What the board must answer, computed anew from the sample table in the plainest way.
import { readFileSync } from "node:fs";

const file = `${process.env.JB_SRCDIR}/contrib/boards/sample/gradio_mini_leaderboard_285.json`;
const table = JSON.parse(readFileSync(file, "utf8"));

export const benchmarks = ["ARC", "HellaSwag", "MMLU", "TruthfulQA", "Winogrande", "GSM8K"];
export const types = { "🟢": "🟢 pretrained", "🔶": "🔶 fine-tuned on domain-specific datasets", "💬": "💬 chat models (RLHF, DPO, IFT, ...)", "🤝": "🤝 base merges and moerges", "?": "? " };
export const precisions = ["float16", "bfloat16", "8bit", "4bit", "GPTQ", "?"];
export const sizes = { "?": [-1, 0], "~1.5": [0, 2], "~3": [2, 4], "~7": [4, 9], "~13": [9, 20], "~35": [20, 45], "~60": [45, 70], "70+": [70, 10000] };
export const allTypes = Object.values(types), allSizes = Object.keys(sizes);

const baselines = { ARC: 25, HellaSwag: 25, MMLU: 25, TruthfulQA: 25, Winogrande: 50, GSM8K: 21 };
const mean = (row) => benchmarks.reduce((sum, b) => sum + row[b], 0) / benchmarks.length;
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

export const rows = Object.keys(table.T).map((i) => {
  const row = Object.fromEntries(Object.keys(table).map((c) => [c, table[c][i]]));
  return { ...row, name: row.model_name_for_query, average: mean(row) };
});
const baseline = { ...baselines, T: "?", Model: "<p>Baseline</p>", name: "Baseline", baseline: true, average: mean(baselines) };
export const all = [...rows, baseline].sort((a, b) =>
  b.average - a.average || compare(a.name, b.name) || compare(a["Model sha"], b["Model sha"]) || compare(a.Precision, b.Precision));

const round = (d) => Math.round(d * 100) / 100;

/** Rows in the order shown, each as [name, average]. */
export function filter({ query = "", types: t = allTypes, precisions: p = precisions, sizes: s = allSizes } = {}) {
  const icons = t.map((label) => [...label][0]);
  let hits = all.filter((row) => icons.includes([...row.T][0]) &&
    (row.baseline || p.includes(row.Precision)) &&
    (row.baseline || s.some((label) => row["#Params (B)"] > sizes[label][0] && row["#Params (B)"] <= sizes[label][1])));
  if (query.trim()) {
    const parts = query.split(";").map((part) => part.trim().toLowerCase()).filter((part) => part);
    const licenses = parts.filter((part) => part.startsWith("license")).map((part) => part.replace(/^license\s*:?\s*/, ""));
    const names = parts.filter((part) => !part.startsWith("license"));
    if (licenses.length) hits = hits.filter((row) => licenses.some((l) => String(row["Hub License"] ?? "").toLowerCase().includes(l)));
    if (names.length || !licenses.length) {
      const found = [];
      for (const part of names)
        for (const row of hits)
          if (row.name.toLowerCase().includes(part) && !found.includes(row)) found.push(row);
      hits = found;
    }
  }
  return hits.map((row) => [row.baseline ? "baseline" : row.name, round(row.average)]);
}
