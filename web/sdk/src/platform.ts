// What the SDK takes from the browser, in one place, so that a test can be the browser.

import { databaseKeep, type Keep } from "./keep.js";

export interface Platform {
  peer(config: RTCConfiguration): RTCPeerConnection;
  socket(url: string, protocol: string): WebSocket;
  /** Null where the browser has none. */
  readonly webTransport: ((url: string, o: WebTransportOptions) => WebTransport) | null;
  fetch(url: string, o?: RequestInit): Promise<Response>;
  stream(): MediaStream;
  /** In [0, 1). */
  random(): number;
  /** 128 random bits or more, as base64url. */
  secret(): string;
  /** Milliseconds since 1970. */
  now(): number;
  /** Where "online", "pagehide" and "visibilitychange" are heard. */
  readonly page: EventTarget;
  /** False only when the machine knows that it has no network. */
  online(): boolean;
  /** The page's URL, the default of CallOptions.server. */
  readonly location: string;
  /** Of this tab, over reloads; null where it is refused. */
  readonly session: Store | null;
  /** Of this browser; null where it is refused. */
  readonly local: Store | null;
  /** What is not sent yet, over reloads. */
  readonly keep: Keep;
  /** Null if another tab has the lock; else what gives it back, as the end of the page does. */
  lock(name: string): Promise<(() => void) | null>;
}

export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Milliseconds that a page which is being reloaded may take to give its lock back. */
const RELOAD = 500;
/** Milliseconds in which another tab answers. */
const ANSWER = 200;

export function browser(): Platform {
  return {
    peer: (config) => new RTCPeerConnection(config),
    socket: (url, protocol) => new WebSocket(url, protocol),
    webTransport: "WebTransport" in globalThis ? (url, o) => new WebTransport(url, o) : null,
    fetch: (url, o) => fetch(url, o),
    stream: () => new MediaStream(),
    random: Math.random,
    secret,
    now: Date.now,
    page: globalThis.window,
    online: () => navigator.onLine,
    location: globalThis.location.href,
    session: store(() => sessionStorage),
    local: store(() => localStorage),
    keep: databaseKeep(globalThis.indexedDB, Date.now, store(() => sessionStorage)),
    lock: (name) => ("locks" in navigator ? webLock(name) : askOtherTabs(name)),
  };
}

/** Storage, where the page may have it. */
export function store(get: () => Storage): Store | null {
  try {
    return get();
  } catch {
    return null;
  }
}

function secret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

function webLock(name: string): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    navigator.locks
      .request(name, { signal: AbortSignal.timeout(RELOAD) }, () => new Promise<void>((release) => resolve(release)))
      .catch(() => resolve(null));
  });
}

/** Where there are no locks (plain http): whoever has the name says so when asked. */
async function askOtherTabs(name: string): Promise<(() => void) | null> {
  if (!("BroadcastChannel" in globalThis)) return () => undefined;
  const channel = new BroadcastChannel(name);
  const taken = await new Promise<boolean>((resolve) => {
    channel.onmessage = (e) => e.data === "mine" && resolve(true);
    channel.postMessage("whose?");
    setTimeout(() => resolve(false), ANSWER);
  });
  if (taken) {
    channel.close();
    return null;
  }
  channel.onmessage = (e) => e.data === "whose?" && channel.postMessage("mine");
  return () => channel.close();
}
