// Which tiles there are and what each shows. A tile's key never changes while its picture lives, and tiles keep their order
// in the document: moving a video element would stop it for a moment. Where they stand is the stage's affair.

import type { CallState, PersonState } from "@confab/sdk";

export interface Tile {
  key: string;
  person: PersonState;
  source: "camera" | "screen";
  own: boolean;
}

export function tileKey(id: string, source: Tile["source"]): string {
  return `${id}:${source}`;
}

/** All tiles: the own camera first, then everybody's camera and screen in the order they joined. */
export function tilesOf(state: CallState): Tile[] {
  const tiles: Tile[] = [];
  const add = (person: PersonState, own: boolean) => {
    tiles.push({ key: tileKey(person.id, "camera"), person, source: "camera", own });
    if (person.screen) tiles.push({ key: tileKey(person.id, "screen"), person, source: "screen", own });
  };
  if (state.self) add(state.self, true);
  for (const p of state.people) add(p, false);
  return tiles;
}
