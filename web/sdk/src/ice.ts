// The ICE servers that the server gave us, refreshed before their credentials expire.

import type { ICEServer } from "./protocol.gen.js";

/**
 * The configuration for the connection to the SFU, which shares its UDP port with STUN and TURN. Chromium takes whatever comes
 * from the address of a STUN or TURN server for that server's answers, so with those URLs the direct path
 * to the SFU would never open. It needs neither of them: where that port can be reached at all, it is reached directly.
 * TURN over TCP and TLS stay, for networks without UDP; with "relay" everything stays, as nothing direct is tried.
 */
export function serverConfiguration(c: RTCConfiguration): RTCConfiguration {
  if (c.iceTransportPolicy === "relay") return c;
  const stream = (url: string) => /^turns:/i.test(url) || /^turn:.*[?&]transport=tcp/i.test(url);
  const iceServers = (c.iceServers ?? []).map((s) => ({ ...s, urls: [s.urls].flat().filter(stream) })).filter((s) => s.urls.length > 0);
  return { ...c, iceServers };
}

export class IceServers {
  private servers: RTCIceServer[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** refresh asks the server for new ones, which come to set(). */
  constructor(private readonly refresh: () => void) {}

  list(): RTCIceServer[] {
    return this.servers;
  }

  /** ttl in seconds; 0 is for ever. */
  set(servers: readonly ICEServer[], ttl: number): void {
    this.servers = servers.map((s) => ({ ...s }));
    clearTimeout(this.timer);
    // At four fifths, so that a lost socket has time to come back.
    if (ttl > 0) this.timer = setTimeout(this.refresh, Math.max(10, ttl * 0.8) * 1000);
  }

  close(): void {
    clearTimeout(this.timer);
  }
}
