// stub
import type { Platform } from "../platform.js";
import type { Carrier, CarrierEars } from "./carrier.js";
export function sse(_platform: Platform, _base: string, ears: CarrierEars): Carrier {
  queueMicrotask(() => ears.closed(null));
  return { kind: "sse", send: () => false, close: () => undefined };
}
