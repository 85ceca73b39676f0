// Telling connections apart when a page is reloaded and takes its seat back: the id in the room is the same, the
// RTCPeerConnection is not. Each has a random session id, the same in all its descriptions (RFC 9429 §5.2.1), so an offer with
// another one comes from a new page. And each description says whose it answers or continues, in an attribute of our own,
// which browsers pass over (RFC 8866 §5.13): one that is for the page before ours is dropped. Pure.

import type { Description } from "./protocol.gen.js";

export type Meant = "for us" | "for the page before" | "from a new page";

const ATTRIBUTE = "a=x-confab-for:";

/** The second word of the o= line (RFC 8866 §5.2), or "". */
export function sdpSession(sdp: string): string {
  return /^o=\S+ (\S+)/m.exec(sdp)?.[1] ?? "";
}

/** The description, addressed to the connection that it answers or continues; "" for the first offer, which is for any. */
export function address(sdp: string, remote: string): string {
  return remote === "" ? sdp : `${sdp}${sdp.endsWith("\n") ? "" : "\r\n"}${ATTRIBUTE}${remote}\r\n`;
}

/** own and remote are the session ids of this connection and of what it has taken from the other side; "" if there is none yet. */
export function meant(d: Description, own: string, remote: string): Meant {
  const to = new RegExp(`^${ATTRIBUTE}(\\S+)`, "m").exec(d.sdp)?.[1];
  if (to !== undefined && to !== own) return "for the page before";
  const from = sdpSession(d.sdp);
  if (d.type === "offer" && remote !== "" && from !== "" && from !== remote) return "from a new page";
  return "for us";
}
