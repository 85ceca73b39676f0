// WebSocket (RFC 6455): a frame is a text message, and the close frame's code is the code.

import type { Platform } from "../platform.js";
import { Subprotocol } from "../protocol.gen.js";
import type { Carrier, CarrierEars } from "./carrier.js";

/** WebSocket.OPEN, which a test of this has not. */
const OPEN = 1;

export function websocket(platform: Platform, url: string, ears: CarrierEars): Carrier {
  const s = platform.socket(url, Subprotocol);
  s.onopen = () => ears.open();
  s.onmessage = (e) => ears.frame(e.data);
  s.onclose = (e) => ears.closed(e?.code ?? null);
  return {
    kind: "websocket",
    send: (text) => {
      if (s.readyState !== OPEN) return false;
      s.send(text);
      return true;
    },
    close: (away) => {
      s.onopen = s.onmessage = s.onclose = null;
      // A page that goes leaves the closing to the browser, which says 1001. A dead socket's close may take a minute: nobody waits for it.
      if (away !== true) s.close();
    },
  };
}
