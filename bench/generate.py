#!/usr/bin/env python3
"""Writes N generated rows as a CSV table for `jinbang import table`, seeded, with distributions
like those of the sample: invented names and scores, for measuring only."""
import random
import sys

n, out = int(sys.argv[1]), sys.argv[2]
random.seed(20240501)
types = ["🟢 pretrained", "🔶 fine-tuned on domain-specific datasets", "💬 chat models (RLHF, DPO, IFT, ...)", "🤝 base merges and moerges"]
sizes = [1.1, 2.8, 7.24, 7.24, 7.24, 8.03, 10.73, 13.02, 34.39, 46.7, 72.29]
words = ["Llama", "Mistral", "Qwen", "Yi", "Mixtral", "SOLAR", "gemma", "phi", "OpenHermes", "Nous", "zephyr", "Marcoro"]
means = {"arc": 62, "hellaswag": 84, "mmlu": 62, "truthfulqa": 55, "winogrande": 79, "gsm8k": 55}
with open(out, "w", encoding="utf-8") as f:
    f.write("t,model,average,arc,hellaswag,mmlu,truthfulqa,winogrande,gsm8k,type,architecture,weight_type,precision,merged,hub_license,params_b,hub_hearts,available_on_the_hub,model_sha,flagged,moe,date,fullname,url\n")
    for i in range(n):
        t = random.choices(types, [8, 55, 25, 12])[0]
        name = "user%d/%s-%d-%s-v%d" % (random.randrange(900), random.choice(words), i, random.choice(["7B", "13B", "chat", "dpo", "slerp"]), random.randrange(4))
        scores = {k: round(min(99, max(5, random.gauss(m, 9))), 2) for k, m in means.items()}
        average = round(sum(scores.values()) / len(scores), 2)
        row = [t[0], name, average, *scores.values(), '"%s"' % t, "LlamaForCausalLM", "Original", random.choices(["float16", "bfloat16", "4bit"], [56, 42, 2])[0],
               "FALSE", random.choice(["apache-2.0", "other", "mit", "llama2"]), random.choice(sizes), random.randrange(400), "TRUE",
               "%040x" % random.getrandbits(160), "FALSE", "FALSE", "2024-05-0%dT12:00:00Z" % random.randrange(1, 9), name, "https://huggingface.co/" + name]
        f.write(",".join(map(str, row)) + "\n")
