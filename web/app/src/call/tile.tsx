// One tile: a picture or what stands for it, the name, and what is true of the person.

import type { PersonState } from "@confab/sdk";
import { Component, type ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { format, t } from "../texts/index.js";
import { quality } from "../pure/line.js";
import { IconButton } from "../ui/button.js";
import { Icon } from "../ui/icons.js";
import { Avatar } from "../ui/parts.js";
import { Video } from "../ui/video.js";
import { fitting, type Place } from "./plan.js";
import { tileKey, type Tile } from "./tiles.js";

/** What a tile asks for. The same object for the whole call, so that a tile is drawn anew only when something changed. */
export interface TileActs {
  pin(key: string): void;
  ratio(key: string, ratio: number): void;
  stopScreen(): void;
}

export interface TileProps extends Omit<Tile, "key"> {
  place: Place | null;
  pinned: boolean;
  /** Own camera: the local picture, which is there before the call has it. */
  picture: MediaStream | null;
  mirrored: boolean;
  ratio: number;
  acts: TileActs;
}

/**
 * Ten times a second somebody is a little louder; only that person's tile is drawn then. Snapshots of people keep their
 * identity while nothing changes, and places are compared by value, since each plan makes new ones.
 */
export class TileView extends Component<TileProps> {
  override shouldComponentUpdate(next: TileProps): boolean {
    const p = this.props;
    return p.person !== next.person || p.pinned !== next.pinned || p.picture !== next.picture || p.mirrored !== next.mirrored
      || p.ratio !== next.ratio || !samePlace(p.place, next.place);
  }

  override render(): ComponentChildren {
    return <Drawn {...this.props} />;
  }
}

function samePlace(a: Place | null, b: Place | null): boolean {
  if (a === null || b === null) return a === b;
  return a.role === b.role && a.rect.x === b.rect.x && a.rect.y === b.rect.y && a.rect.width === b.rect.width && a.rect.height === b.rect.height;
}

function Drawn(p: TileProps) {
  const { person, own, place } = p;
  const key = tileKey(person.id, p.source);
  const root = useRef<HTMLElement>(null);
  const placed = useRef(false);
  const screen = p.source === "screen";
  const showing = screen ? person.streams.screen : own ? p.picture : person.streams.camera;
  const visible = screen || (own ? p.picture !== null && person.camera : person.camera && showing !== null);
  // A lost socket alone leaves picture and sound as they are: nothing is laid over a living face.
  const lost = !own && !person.online && person.link.path === "none";
  const name = screen ? (own ? t.call.ownScreen : t.call.screenOf(person.name)) : own ? t.call.you : person.name;

  // Position and ring by custom properties: the policy of the page allows no style attributes, and only these change.
  useLayoutEffect(() => {
    const style = root.current?.style;
    placed.current &&= place !== null;
    if (!style || !place) return;
    // Who comes appears at the place; only who is there already moves.
    if (!placed.current) style.setProperty("transition", "none");
    style.setProperty("--x", `${place.rect.x}px`);
    style.setProperty("--y", `${place.rect.y}px`);
    style.setProperty("--w", `${place.rect.width}px`);
    style.setProperty("--h", `${place.rect.height}px`);
    if (!placed.current) {
      placed.current = true;
      root.current?.getBoundingClientRect(); // the place takes effect before moves are eased again
      style.removeProperty("transition");
    }
  }, [place === null, place?.rect.x, place?.rect.y, place?.rect.width, place?.rect.height]);
  const level = !screen && person.speaking && person.microphone ? Math.max(0.15, person.level) : 0;
  useLayoutEffect(() => {
    root.current?.style.setProperty("--level", level.toFixed(2));
  }, [level]);

  const fullscreen = () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void root.current?.requestFullscreen?.();
  };
  const classes = [
    "tile", place ? `role-${place.role}` : "away", p.source, own ? "own" : "", level > 0 ? "speaking" : "",
    visible ? "showing" : "", p.pinned ? "pinned" : "",
  ].filter((c) => c !== "").join(" ");
  return (
    <article class={classes} ref={root} aria-label={describe(person, name, screen)} aria-hidden={place ? undefined : true} inert={place === null}
      onDblClick={screen ? fullscreen : () => p.acts.pin(key)}>
      <Video
        stream={showing} mirrored={own && !screen && p.mirrored}
        class={`${visible ? "" : "hidden"} ${place ? fitting(place, screen, p.ratio) : "cover"}`}
        onRatio={(r) => p.acts.ratio(key, r)}
      />
      {visible ? null : <div class="tile-empty"><Avatar name={person.name} /></div>}
      {own && screen ? (
        <div class="tile-note">
          <p>{t.call.ownScreenNote}</p>
          <button type="button" class="button" onClick={p.acts.stopScreen}>{t.call.stopSharing}</button>
        </div>
      ) : null}
      {person.hand && !screen ? <span class="tile-hand" aria-hidden="true"><Icon name="hand" size={18} /></span> : null}
      {lost ? <div class="tile-away" aria-hidden="true">{t.call.away}</div> : null}
      <div class="tile-foot" aria-hidden="true">
        <span class="tile-name">{name}</span>
        {screen ? null : (
          <span class="tile-signs">
            {person.microphone ? null : <Icon name="microphoneOff" size={16} />}
            {own ? null : <Dot person={person} />}
          </span>
        )}
      </div>
      <div class="tile-tools">
        {own && !screen ? null : (
          <IconButton icon="pin" size={18} class={`small${p.pinned ? " on" : ""}`} pressed={p.pinned} tip=""
            label={p.pinned ? t.call.unpin(name) : t.call.pin(name)} onClick={() => p.acts.pin(key)} />
        )}
        {screen ? <IconButton icon="expand" size={18} class="small" tip="" label={t.call.fullscreen(name)} onClick={fullscreen} /> : null}
      </div>
    </article>
  );
}

/** The dot says how one person's connection is; its tip, in words. */
function Dot({ person }: { person: PersonState }) {
  const q = quality(person.online, person.link);
  return <span class={`dot ${q}`} title={linkText(person)} />;
}

export function linkText(person: PersonState): string {
  const { path, rttMs } = person.link;
  if (path === "none" || !person.online) return t.connection.personLost;
  const words = { direct: t.connection.direct, relayed: t.connection.relayed, server: t.connection.server }[path];
  return t.connection.personLink(words, rttMs === null ? "" : format.ms(rttMs));
}

function describe(p: PersonState, name: string, screen: boolean): string {
  if (screen) return name;
  return [name, p.microphone ? "" : t.call.muted, p.hand ? t.call.handRaised : "", p.online ? "" : t.call.away].filter((s) => s !== "").join(", ");
}
