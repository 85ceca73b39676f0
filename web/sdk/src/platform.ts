// What the SDK takes from the browser, in one place, so that a test can be the browser.

export interface Platform {
  peer(config: RTCConfiguration): RTCPeerConnection;
  socket(url: string, protocol: string): WebSocket;
  stream(): MediaStream;
  /** In [0, 1). */
  random(): number;
  /** Milliseconds since 1970. */
  now(): number;
  /** Where "online", "pagehide" and "visibilitychange" are heard. */
  readonly page: EventTarget;
  /** False only when the machine knows that it has no network. */
  online(): boolean;
  /** The page's URL, the default of CallOptions.server. */
  readonly location: string;
}

export function browser(): Platform {
  return {
    peer: (config) => new RTCPeerConnection(config),
    socket: (url, protocol) => new WebSocket(url, protocol),
    stream: () => new MediaStream(),
    random: Math.random,
    now: Date.now,
    page: globalThis.window,
    online: () => navigator.onLine,
    location: globalThis.location.href,
  };
}
