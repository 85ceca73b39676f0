// Perfect negotiation between two peers (W3C WebRTC §4.7.3 and the example in §10.7), as a pure machine. The shell runs one
// step after the other, each to its end, so the races the W3C example guards against with flags cannot arise here: what is
// left is to decide, at each message, what it means now.
//
//	offer, nothing of ours out      → answer it
//	offer, ours is out, polite      → give ours up (implicit rollback), answer
//	offer, ours is out, impolite    → ignore it and the candidates that belong to it
//	answer, ours is out             → take it
//	answer, nothing is out          → it is late: ignore
//	candidate                       → add it if its ufrag is of the present remote description

import type { Candidate, Description } from "./protocol.gen.js";

export interface Negotiation {
  /** Derived from the ids: the peer whose id is greater gives way. */
  readonly polite: boolean;
  /** Of the remote description in force. */
  readonly remoteUfrags: readonly string[];
  /** Came before the description that they belong to; at most EARLY. */
  readonly early: readonly Candidate[];
}

export type NegotiationStep =
  | { readonly do: "answer"; readonly offer: Description }
  | { readonly do: "accept"; readonly answer: Description }
  | { readonly do: "add"; readonly candidate: Candidate };

const EARLY = 64;

export function negotiation(self: string, peer: string): Negotiation {
  return { polite: self > peer, remoteUfrags: [], early: [] };
}

export function onDescription(n: Negotiation, state: RTCSignalingState, d: Description): [Negotiation, NegotiationStep[]] {
  const out = state === "have-local-offer";
  if (d.type === "offer") {
    if (out && !n.polite) return [n, []];
    return adopt(n, d, { do: "answer", offer: d });
  }
  if (d.type === "answer" && out) return adopt(n, d, { do: "accept", answer: d });
  return [n, []];
}

export function onCandidate(n: Negotiation, c: Candidate): [Negotiation, NegotiationStep[]] {
  if (c.candidate === "") return [n, []]; // the end of candidates tells us nothing that ICE does not find out
  if (belongs(n.remoteUfrags, c)) return [n, [{ do: "add", candidate: c }]];
  // Of an ignored offer, of before a restart, or of a description still to come: only the last will ever be used.
  return [{ ...n, early: [...n.early, c].slice(-EARLY) }, []];
}

/** The ICE username fragments in a description (RFC 8839 §5.4). */
export function ufrags(sdp: string): string[] {
  return [...new Set([...sdp.matchAll(/^a=ice-ufrag:(\S+)/gm)].map((m) => m[1] ?? ""))];
}

function adopt(n: Negotiation, d: Description, step: NegotiationStep): [Negotiation, NegotiationStep[]] {
  const remoteUfrags = ufrags(d.sdp);
  const mine = n.early.filter((c) => belongs(remoteUfrags, c));
  return [
    { ...n, remoteUfrags, early: n.early.filter((c) => !belongs(remoteUfrags, c)) },
    [step, ...mine.map((candidate) => ({ do: "add", candidate }) as const)],
  ];
}

function belongs(ufrags: readonly string[], c: Candidate): boolean {
  if (ufrags.length === 0) return false;
  return c.usernameFragment === undefined || c.usernameFragment === "" || ufrags.includes(c.usernameFragment);
}
