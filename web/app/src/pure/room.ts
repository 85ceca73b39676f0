// Names of rooms, and what people paste where a name is asked for. Pure.

/** What the protocol allows as a room. */
export const ROOM_NAME = /^[a-z0-9_-]{1,64}$/;

export type Entered =
  | { kind: "room"; room: string; search: string; hash: string }
  | { kind: "elsewhere"; href: string; host: string }
  | { kind: "unusable" };

/** Reads a room's name or its link, as it was typed or pasted; origin is that of our own page. */
export function readEntered(text: string, origin: string): Entered {
  const trimmed = text.trim();
  const link = readLink(trimmed, origin);
  if (link) return link;
  const room = slug(trimmed);
  return room === "" ? { kind: "unusable" } : { kind: "room", room, search: "", hash: "" };
}

function readLink(text: string, origin: string): Entered | null {
  const own = new URL(origin);
  // "host/r/room" without a scheme is what some address lines give on copying.
  const candidate = /^https?:\/\//i.test(text) ? text : /^[^\s/]+\/r\/[^\s/]+/.test(text) ? `${own.protocol}//${text}` : null;
  if (candidate === null || !URL.canParse(candidate)) return null;
  const url = new URL(candidate);
  const room = /^\/r\/([^/]+)\/?$/.exec(url.pathname)?.[1]?.toLowerCase();
  if (room === undefined || !ROOM_NAME.test(room)) return { kind: "unusable" };
  if (url.host !== own.host) return { kind: "elsewhere", href: url.href, host: url.host };
  return { kind: "room", room, search: url.search, hash: url.hash };
}

/** Turns what people call a room into a name: "Café Müller, 3rd" is cafe-muller-3rd. Empty when nothing is left. */
export function slug(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/ß/g, "ss")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64)
    .replace(/-+$/, "");
}

const adjectives = ["calm", "bright", "early", "gentle", "golden", "green", "quiet", "quick", "silver", "sunny", "warm", "wide", "merry", "lucky", "brave", "clear"];
const nouns = ["harbour", "meadow", "lantern", "river", "garden", "island", "maple", "pebble", "orchard", "summit", "willow", "comet", "heron", "otter", "robin", "cedar"];

/** A name that can be said on the phone, with 20 random bits of digits against guessing. random gives 0 ≤ x < 1. */
export function suggestRoom(random: () => number): string {
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? "room";
  const digits = Math.floor(random() * 2 ** 20).toString(36).padStart(4, "0");
  return `${pick(adjectives)}-${pick(nouns)}-${digits}`;
}

export interface RoomParams {
  room: string;
  mode: "auto" | "p2p" | "sfu";
  relay: boolean;
  name: string;
  autojoin: boolean;
  token: string;
}

/** Reads an address: null for anything but a room's. */
export function readAddress(href: string): RoomParams | null {
  const url = new URL(href);
  const room = /^\/r\/([^/]+)\/?$/.exec(url.pathname)?.[1];
  if (room === undefined || !ROOM_NAME.test(room)) return null;
  const q = url.searchParams;
  const mode = q.get("mode");
  return {
    room,
    mode: mode === "p2p" || mode === "sfu" ? mode : "auto",
    relay: q.get("relay") === "1",
    name: (q.get("name") ?? "").slice(0, 64),
    autojoin: q.get("autojoin") === "1",
    // In the hash, a token is neither sent to the server with the page nor written to its access log.
    token: new URLSearchParams(url.hash.slice(1)).get("token") ?? "",
  };
}

/** The link to give to others: without token, name and other things of one's own; a room's mode goes with it. */
export function inviteLink(p: Pick<RoomParams, "room" | "mode">, origin: string): string {
  return `${origin}/r/${p.room}${p.mode === "auto" ? "" : `?mode=${p.mode}`}`;
}

/** The link of an invite: its token stays in the fragment, which is neither sent with the page nor logged. */
export function tokenLink(p: Pick<RoomParams, "room" | "mode">, origin: string, token: string): string {
  return `${inviteLink(p, origin)}#token=${token}`;
}
