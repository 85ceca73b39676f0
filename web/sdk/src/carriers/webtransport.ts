// stub
import type { Platform } from "../platform.js";
import type { Carrier, CarrierEars } from "./carrier.js";
export function webtransport(_platform: Platform, _offer: { url: string; hashes?: readonly string[] }, ears: CarrierEars): Carrier {
  queueMicrotask(() => ears.closed(null));
  return { kind: "webtransport", send: () => false, close: () => undefined };
}
