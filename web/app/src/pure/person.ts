// What stands for a person without a picture. Pure.

/** One or two letters of a name. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s_.-]+/u).filter((w) => /[\p{L}\p{N}]/u.test(w));
  const first = (w: string | undefined) => (w === undefined ? "" : ([...w].find((c) => /[\p{L}\p{N}]/u.test(c)) ?? ""));
  const last = words.length > 1 ? words.at(-1) : undefined;
  return (first(words[0]) + first(last)).toLocaleUpperCase() || "?";
}

/** One of count colours, the same for a name wherever it is seen. */
export function tint(name: string, count: number): number {
  let h = 2166136261;
  for (const c of name) h = Math.imul(h ^ (c.codePointAt(0) ?? 0), 16777619);
  return (h >>> 0) % count;
}
