// TAP, and a time-out around everything that a server could leave hanging.
import { isDeepStrictEqual } from "node:util";

let count = 0, bad = 0;

export function ok(name, good, why = "") {
  count++;
  if (!good) bad++;
  console.log(`${good ? "ok" : "not ok"} ${count} - ${name}`);
  if (!good && why) console.log(`# ${String(why).replaceAll("\n", "\n# ")}`);
}

export function same(name, got, want) {
  ok(name, isDeepStrictEqual(got, want), `got ${JSON.stringify(got)?.slice(0, 400)}, want ${JSON.stringify(want)?.slice(0, 400)}`);
}

export function within(promise, seconds = 15) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no answer in ${seconds} s`)), seconds * 1000); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// A test that throws has failed; the rest goes on.
export async function test(name, run, seconds = 60) {
  try {
    await within(run(), seconds);
  } catch (error) {
    ok(name, false, error?.stack ?? JSON.stringify(error));
  }
}

export function finish() {
  console.log(`1..${count}`);
  process.exit(bad ? 1 : 0);
}
