// The ICE servers that the server gave us, refreshed before their credentials expire.

import type { ICEServer } from "./protocol.gen.js";

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
