// Who is on which page when not everybody fits. Pure: the order of ids before, who is here, who spoke when.
//
// The first page is for the loudest, but nothing jumps: people keep their place, and only who speaks outside of it changes
// places with whoever on it has been silent longest.

export interface Spoken {
  id: string;
  /** When this person last spoke: milliseconds, 0 for never. */
  at: number;
}

/**
 * The order of tiles, given the previous one: those who left are gone, newcomers are at the end, and who spoke within
 * the last moments stands on the first page of the given size.
 */
export function arrange(previous: readonly string[], here: readonly Spoken[], size: number, now: number): string[] {
  const spoken = new Map(here.map((s) => [s.id, s.at]));
  const known = new Set(previous);
  const order = previous.filter((id) => spoken.has(id));
  for (const s of here) if (!known.has(s.id)) order.push(s.id);
  if (order.length <= size) return order;

  for (let i = size; i < order.length; i++) {
    const id = order[i];
    if (id === undefined) continue;
    const at = spoken.get(id) ?? 0;
    if (at === 0 || now - at > RECENT) continue;
    const quietest = quietestOf(order.slice(0, size), spoken);
    if (quietest === -1 || now - (spoken.get(order[quietest] ?? "") ?? 0) <= RECENT) continue;
    order[i] = order[quietest] ?? id;
    order[quietest] = id;
  }
  return order;
}

/** Milliseconds after which a voice no longer counts as speaking: shorter, and a pause for breath would move people. */
const RECENT = 4000;

function quietestOf(ids: readonly string[], spoken: ReadonlyMap<string, number>): number {
  let found = -1;
  let least = Infinity;
  ids.forEach((id, i) => {
    const at = spoken.get(id) ?? 0;
    // At a tie the later place gives way: the first places are where the eye is.
    if (at <= least) {
      least = at;
      found = i;
    }
  });
  return found;
}
