// The shape of a JSON value: keys and types, all the way down. The items of a list are one: a list
// of rows has the shape of all its rows together.

/** {types: Set, keys: Map | null, items: shape | null} */
export function shape(value, into = { types: new Set(), keys: null, items: null }) {
  const type = value === null ? "null" : Array.isArray(value) ? "list" : typeof value;
  into.types.add(type);
  if (type === "list") {
    for (const item of value) into.items = shape(item, into.items ?? undefined);
  } else if (type === "object") {
    into.keys ??= new Map();
    for (const [key, member] of Object.entries(value)) into.keys.set(key, shape(member, into.keys.get(key)));
  }
  return into;
}

const names = (set) => [...set].sort().join("|");

/** What of `ours` is not like `recorded`, one line each. */
export function differences(recorded, ours, path = "") {
  const found = [], here = path || ".";
  if (names(recorded.types) !== names(ours.types)) found.push(`${here}: ${names(ours.types)}, recorded ${names(recorded.types)}`);
  if (recorded.keys && ours.keys) {
    for (const [key, member] of recorded.keys) {
      const mine = ours.keys.get(key);
      if (mine) found.push(...differences(member, mine, `${path}.${key}`));
      else found.push(`${path}.${key}: missing`);
    }
    for (const key of ours.keys.keys()) if (!recorded.keys.has(key)) found.push(`${path}.${key}: extra`);
  }
  // An empty list says nothing of its items.
  if (recorded.items && ours.items) found.push(...differences(recorded.items, ours.items, `${path}[]`));
  return found;
}

/** Members whose names are data become one list, so that what they hold is compared. */
export const valuesOf = (object) => Object.values(object ?? {});

/** The events of a text/event-stream: [{event, data}], data parsed. */
export function events(text) {
  return text.replace(/^curl: .*$/gm, "").split("\n\n").map((block) => block.trim()).filter((block) => block).map((block) => {
    const field = (name) => block.split("\n").filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim()).join("\n");
    const data = field("data");
    let parsed = data;
    try { parsed = JSON.parse(data); } catch { /* ALIVE */ }
    return { event: field("event"), data: parsed };
  });
}
