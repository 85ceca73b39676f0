// Where each tile stands, given who is here and how large the stage is. Pure: it decides, the stage paints.
//
//	alone          own tile fills the stage
//	two            the other fills the stage, the own tile is in the corner
//	grid           a balanced grid, in pages
//	stage          pinned, shared screen or speaker view: one large tile, the others in a strip, in pages

import { corner, fit, grid, LANDSCAPE, pageSize, stage, stripSize, type Rect, type Shape, type Size } from "../pure/layout.js";

export interface Wanted {
  key: string;
  own: boolean;
  screen: boolean;
}

export interface PlanInput {
  tiles: readonly Wanted[];
  /** Keys of tiles in the order of places; all of tiles but the own one. */
  order: readonly string[];
  area: Size;
  view: "grid" | "speaker";
  pinned: string | null;
  /** Who has the stage in speaker view: the key of the last one who spoke. */
  speaker: string | null;
  page: number;
  /** Width through height of the pictures that are known. */
  ratios: ReadonlyMap<string, number>;
  rtl: boolean;
}

export type Role = "full" | "grid" | "stage" | "strip" | "corner";

export interface Place {
  rect: Rect;
  role: Role;
}

export interface Plan {
  places: Map<string, Place>;
  page: number;
  pages: number;
}

export const GAP = 8;
/** On a phone tiles use all of the space, as far as no picture loses more than a fifth (see fit). */
const COMPACT: Shape = { min: (16 / 9) * 0.8, max: 16 / 9 };
const MARGIN = 12;
const LEAST_TILE = 200;
const MOST_TILES = 25;

export function plan(input: PlanInput): Plan {
  const { tiles, area } = input;
  if (area.width <= 0 || area.height <= 0 || tiles.length === 0) return { places: new Map(), page: 0, pages: 1 };
  const own = tiles.find((t) => t.own && !t.screen);
  const leader = stageKey(input);
  if (leader !== null) return staged(input, leader);
  if (tiles.length === 1 && own) return single(own.key, area);
  if (tiles.length === 2 && own) return pair(input, own.key);
  return paged(input, own?.key ?? null);
}

/** Who has the large place, if anybody: the pinned one, else the newest screen, else the speaker in speaker view. */
function stageKey(input: PlanInput): string | null {
  const has = (key: string | null) => key !== null && input.tiles.some((t) => t.key === key);
  if (has(input.pinned)) return input.pinned;
  const screens = input.tiles.filter((t) => t.screen);
  const screen = screens.findLast((t) => !t.own) ?? screens.at(-1);
  if (screen) return screen.key;
  if (input.view === "grid" || input.tiles.length < 3) return null;
  if (has(input.speaker)) return input.speaker;
  return input.order[0] ?? null;
}

function single(key: string, area: Size): Plan {
  return { places: new Map([[key, { rect: { x: 0, y: 0, ...area }, role: "full" }]]), page: 0, pages: 1 };
}

function pair(input: PlanInput, own: string): Plan {
  const other = input.tiles.find((t) => t.key !== own);
  const places = new Map<string, Place>();
  if (other) places.set(other.key, { rect: { x: 0, y: 0, ...input.area }, role: "full" });
  places.set(own, { rect: corner(input.area, input.ratios.get(own) ?? 16 / 9, MARGIN, input.rtl), role: "corner" });
  return { places, page: 0, pages: 1 };
}

function paged(input: PlanInput, own: string | null): Plan {
  const portrait = input.area.width < input.area.height && input.area.width < 700;
  const o = { gap: GAP, columns: portrait ? 2 : 0, shape: portrait ? portraitShape(input) : input.area.height < 420 ? COMPACT : LANDSCAPE };
  const places = new Map<string, Place>();
  // The own tile is on every page, last, so that the others' places are the same on each.
  const spare = own === null ? 0 : 1;
  const size = Math.max(1, pageSize(input.area, o, portrait ? 120 : LEAST_TILE, portrait ? 10 : MOST_TILES) - spare);
  const cut = slice(input.order, size, input.page);
  const keys = own === null ? cut.keys : [...cut.keys, own];
  grid(keys.length, input.area, o).forEach((rect, i) => {
    const key = keys[i];
    if (key !== undefined) places.set(key, { rect, role: "grid" });
  });
  return { places, page: cut.page, pages: cut.pages };
}

/** Phones held upright send upright pictures: then tiles are upright too, as far as most pictures are. */
function portraitShape(input: PlanInput): Shape {
  const known = [...input.ratios.values()];
  const upright = known.filter((r) => r < 1).length;
  return known.length > 0 && upright * 2 > known.length ? { min: 3 / 4, max: 1 } : COMPACT;
}

function staged(input: PlanInput, leader: string): Plan {
  const others = input.order.filter((k) => k !== leader);
  const own = input.tiles.find((t) => t.own && !t.screen && t.key !== leader);
  if (others.length === 0 && own) {
    const places = new Map<string, Place>();
    const isScreen = input.tiles.some((t) => t.key === leader && t.screen);
    if (!isScreen) {
      places.set(leader, { rect: { x: 0, y: 0, ...input.area }, role: "stage" });
      places.set(own.key, { rect: corner(input.area, input.ratios.get(own.key) ?? 16 / 9, MARGIN, input.rtl), role: "corner" });
      return { places, page: 0, pages: 1 };
    }
  }
  const room = stripSize(input.area, GAP);
  const size = Math.max(1, room - (own ? 1 : 0));
  const cut = slice(others, size, input.page);
  const keys = own ? [...cut.keys, own.key] : cut.keys;
  const layout = stage(keys.length, input.area, GAP);
  const places = new Map<string, Place>([[leader, { rect: layout.stage, role: "stage" }]]);
  keys.forEach((key, i) => {
    const rect = layout.strip[i];
    if (rect) places.set(key, { rect, role: "strip" });
  });
  return { places, page: cut.page, pages: cut.pages };
}

function slice(order: readonly string[], size: number, page: number): { keys: string[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(order.length / size));
  const at = Math.min(Math.max(0, page), pages - 1);
  return { keys: order.slice(at * size, at * size + size), page: at, pages };
}

/** How a tile's picture is put into its place: a screen is always whole. */
export function fitting(place: Place, screen: boolean, ratio: number): "cover" | "contain" {
  return screen ? "contain" : fit(ratio, place.rect.width / place.rect.height);
}
