// The stage holds all tiles of the call, always the same elements: it measures itself, asks plan() where each stands, and
// tells the SDK what is seen at which size.

import type { ViewWant } from "@confab/sdk";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { prefs } from "../prefs.js";
import type { Size } from "../pure/layout.js";
import { arrange } from "../pure/pages.js";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { plan, type Plan } from "./plan.js";
import { TileView, type TileActs } from "./tile.js";
import { tilesOf, type Tile } from "./tiles.js";

/** A speaker keeps the large place until somebody else has spoken for so long: a cough moves nobody. */
const HOLD_SPEAKER = 1200;

export function Stage({ session }: { session: Session }) {
  const root = useRef<HTMLElement>(null);
  const [area, setArea] = useState<Size>({ width: 0, height: 0 });
  const [ratios, setRatios] = useState<ReadonlyMap<string, number>>(new Map());
  const state = session.state.value;
  const tiles = tilesOf(state);
  const voices = useVoices(tiles);

  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return;
    const measure = () => setArea({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Two passes: the size of a page decides who is on the first one, and that is where the loud ones go.
  const input = {
    tiles: tiles.map((x) => ({ key: x.key, own: x.own, screen: x.source === "screen" })),
    area, view: prefs.value.layout, pinned: session.pinned.value, speaker: voices.speaker, page: session.page.value, ratios,
    rtl: t.direction === "rtl",
  };
  const others = tiles.filter((x) => !x.own || x.source === "screen");
  const order = useRef<string[]>([]);
  const firstPage = plan({ ...input, page: 0, order: others.map((x) => x.key) }).places.size - 1;
  order.current = arrange(order.current, others.map((x) => ({ id: x.key, at: voices.spoken.get(x.key) ?? 0 })), Math.max(1, firstPage), voices.now);
  const layout = plan({ ...input, order: order.current });

  useView(session, tiles, layout);
  useEffect(() => {
    session.page.value = layout.page;
    session.pages.value = layout.pages;
  }, [layout.page, layout.pages]);
  const acts = useMemo<TileActs>(() => ({
    pin: (key) => session.togglePin(key),
    stopScreen: () => void session.toggleScreen(),
    ratio: (key, ratio) => setRatios((known) => (Math.abs((known.get(key) ?? 0) - ratio) > 0.01 ? new Map(known).set(key, ratio) : known)),
  }), [session]);
  return (
    <section class="stage" ref={root} aria-label={t.call.stage}>
      {tiles.map((tile) => (
        <TileView
          key={tile.key} person={tile.person} source={tile.source} own={tile.own} place={layout.places.get(tile.key) ?? null}
          pinned={session.pinned.value === tile.key} picture={tile.own && session.media.camera.value ? session.media.picture : null}
          mirrored={tile.own && prefs.value.mirror && session.media.mirrored} ratio={ratios.get(tile.key) ?? 0} acts={acts}
        />
      ))}
    </section>
  );
}

interface Voices {
  spoken: ReadonlyMap<string, number>;
  speaker: string | null;
  now: number;
}

/** Who spoke when, and who has the floor. */
function useVoices(tiles: readonly Tile[]): Voices {
  const memory = useRef({ spoken: new Map<string, number>(), speaker: null as string | null, since: new Map<string, number>() });
  const m = memory.current;
  const now = Date.now();
  for (const { key, person, own, source } of tiles) {
    if (own || source === "screen") continue;
    if (!person.speaking) {
      m.since.delete(key);
      continue;
    }
    m.spoken.set(key, now);
    const since = m.since.get(key) ?? now;
    m.since.set(key, since);
    const holder = tiles.find((x) => x.key === m.speaker);
    if (!holder || (!holder.person.speaking && now - since >= HOLD_SPEAKER)) m.speaker = key;
  }
  return { spoken: m.spoken, speaker: m.speaker, now };
}

/** Tells the SDK what is on the screen. Tiles out of sight are wished for with visible: false, so that they keep their slot. */
function useView(session: Session, tiles: readonly Tile[], layout: Plan): void {
  const wants = useMemo(() => viewWants(tiles, layout), [signature(tiles, layout)]);
  const [hidden, setHidden] = useState(document.hidden);
  useEffect(() => {
    const seen = () => setHidden(document.hidden);
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, []);
  useEffect(() => {
    session.call.setView(hidden ? wants.map((w) => ({ ...w, visible: false })) : wants);
  }, [wants, hidden]);
}

function signature(tiles: readonly Tile[], layout: Plan): string {
  return tiles.map(({ key }) => {
    const r = layout.places.get(key);
    return r ? `${key} ${r.rect.width} ${r.rect.height} ${r.role}` : key;
  }).join("|");
}

const PRIORITY = { full: 90, stage: 90, grid: 60, strip: 40, corner: 30 } as const;

function viewWants(tiles: readonly Tile[], layout: Plan): ViewWant[] {
  const scale = Math.min(2, globalThis.devicePixelRatio || 1);
  return tiles.filter((x) => !x.own).map((x) => {
    const place = layout.places.get(x.key);
    return {
      participant: x.person.id,
      source: x.source,
      width: Math.round((place?.rect.width ?? 160) * scale),
      height: Math.round((place?.rect.height ?? 90) * scale),
      priority: place ? PRIORITY[place.role] : 5,
      visible: place !== undefined,
    };
  });
}
