// Which path's track is shown for each person and source, while there may be two. Make before break: the track in use stays
// until the newer path delivers, then that one is switched, each person and source for itself. Pure.
//
// A path is named by the generation of its route. A track is "offered" when a path has it, "flowing" once media of this very
// person was decoded from it, "dirty" if it may still show somebody else (a receive slot that was reassigned).

import type { Source } from "./protocol.gen.js";

export interface Key {
  readonly participant: string;
  readonly source: Source;
}

/** The track to use for key changed; null is none. */
export interface Change<T> {
  readonly key: Key;
  readonly from: T | null;
  readonly to: T | null;
}

interface Offered<T> {
  generation: number;
  readonly track: T;
  readonly dirty: boolean;
  flowing: boolean;
}

interface Entry<T> {
  readonly key: Key;
  readonly offers: Offered<T>[];
  chosen: Offered<T> | null;
}

export class Switcher<T> {
  private readonly entries = new Map<string, Entry<T>>();

  /** A path has a track for key; it replaces what the same path offered before. */
  offer(key: Key, generation: number, track: T, dirty: boolean): Change<T>[] {
    const e = this.entry(key);
    const i = e.offers.findIndex((o) => o.generation === generation);
    if (i >= 0 && e.offers[i]?.track === track) return [];
    if (i >= 0) e.offers.splice(i, 1);
    e.offers.push({ generation, track, dirty, flowing: false });
    return this.choose(e);
  }

  /** A path has no track for key any more. */
  withdraw(key: Key, generation: number): Change<T>[] {
    const e = this.entries.get(name(key));
    return e === undefined ? [] : this.remove(e, (o) => o.generation === generation);
  }

  /** Media of key was decoded from the path's track. */
  flowing(key: Key, generation: number): Change<T>[] {
    const e = this.entries.get(name(key));
    const o = e?.offers.find((x) => x.generation === generation);
    if (e === undefined || o === undefined || o.flowing) return [];
    o.flowing = true;
    return this.choose(e);
  }

  /** A path is closed. */
  drop(generation: number): Change<T>[] {
    return [...this.entries.values()].flatMap((e) => this.remove(e, (o) => o.generation === generation));
  }

  /** Somebody left. */
  forget(participant: string): Change<T>[] {
    return [...this.entries.values()]
      .filter((e) => e.key.participant === participant)
      .flatMap((e) => this.remove(e, () => true));
  }

  /** A path now carries another generation of the route. */
  rename(from: number, to: number): void {
    for (const e of this.entries.values()) {
      for (const o of e.offers) if (o.generation === from) o.generation = to;
    }
  }

  isFlowing(key: Key, generation: number): boolean {
    return this.entries.get(name(key))?.offers.some((o) => o.generation === generation && o.flowing) ?? false;
  }

  /** Offered by the path and not flowing yet. */
  waiting(generation: number): { key: Key; track: T; dirty: boolean }[] {
    const out: { key: Key; track: T; dirty: boolean }[] = [];
    for (const e of this.entries.values()) {
      for (const o of e.offers) {
        if (o.generation === generation && !o.flowing) out.push({ key: e.key, track: o.track, dirty: o.dirty });
      }
    }
    return out;
  }

  /** What is used now. */
  chosen(): { key: Key; track: T }[] {
    const out: { key: Key; track: T }[] = [];
    for (const e of this.entries.values()) if (e.chosen !== null) out.push({ key: e.key, track: e.chosen.track });
    return out;
  }

  private entry(key: Key): Entry<T> {
    let e = this.entries.get(name(key));
    if (e === undefined) {
      e = { key, offers: [], chosen: null };
      this.entries.set(name(key), e);
    }
    return e;
  }

  private remove(e: Entry<T>, gone: (o: Offered<T>) => boolean): Change<T>[] {
    for (let i = e.offers.length - 1; i >= 0; i--) {
      const o = e.offers[i];
      if (o !== undefined && gone(o)) e.offers.splice(i, 1);
    }
    const changes = this.choose(e);
    if (e.offers.length === 0) this.entries.delete(name(e.key));
    return changes;
  }

  private choose(e: Entry<T>): Change<T>[] {
    const newest = [...e.offers].sort((a, b) => b.generation - a.generation);
    const kept = e.chosen !== null && e.offers.includes(e.chosen) ? e.chosen : null;
    const to = newest.find((o) => o.flowing) ?? kept ?? newest.find((o) => !o.dirty) ?? null;
    const from = e.chosen;
    if (to === from) return [];
    e.chosen = to;
    return [{ key: e.key, from: from?.track ?? null, to: to?.track ?? null }];
  }
}

function name(k: Key): string {
  return `${k.source} ${k.participant}`;
}
