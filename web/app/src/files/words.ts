// What people read about files, in English; another language is another object of the same type. Apart from the app's other
// texts, as it is loaded with the part that sends and receives.

import { TransferError, type Route, type TransferCode, type TransferState } from "@confab/sdk/files";

const region = globalThis.navigator?.language ?? "en";
const decimal = new Intl.NumberFormat(region, { maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(region, { style: "percent" });
const plural = new Intl.PluralRules("en");
const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Of bytes, in steps of a thousand. */
function size(bytes: number): string {
  let [n, unit] = [bytes, 0];
  while (n >= 999.5 && unit < UNITS.length - 1) [n, unit] = [n / 1000, unit + 1];
  return `${n >= 100 || unit === 0 ? Math.round(n) : decimal.format(n)} ${UNITS[unit]}`;
}

function span(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const files = (n: number): string => (plural.select(n) === "one" ? `${n} file` : `${n} files`);

const errors: Record<TransferCode, string> = {
  "no-space": "There is not enough space on this device. Make room and accept again: what has arrived is kept.",
  permission: "The browser does not let this page write files. Allow it for this site, or leave the private window.",
  changed: "A file has changed since it was chosen. Send it again.",
  gone: "The other side is gone. When it is back, the transfer goes on where it was.",
  "bad-block": "What arrived was damaged three times in a row. Ask for it to be sent again.",
  "bad-message": "The other side said something that makes no sense. Reload both pages.",
  "too-much": "That is more than fits in one transfer. Send it in parts.",
  timeout: "The other side did not answer. Is its page still open?",
  fingerprint: "Somebody stands between you: the connection is not with the person who sent the link. Nothing was transferred.",
  "not-authentic": "The link or the code is not right. Open the whole link, with what follows the #, or type the code again.",
  cancelled: "The transfer was cancelled.",
  declined: "The other side does not want it.",
  "not-found": "The other side is not here.",
  "no-path": "No connection could be made. Try another network.",
  "in-use": "Another tab of this browser is receiving the same. Go on there, or close it.",
  unsupported: "This browser can't do it. Use a new version, not in a private window, over https.",
  refused: "This can't be sent.",
};

export const words = {
  size,
  span,
  files,
  percent: (part: number) => percents.format(Math.floor(part * 100) / 100),
  speed: (perSecond: number) => `${size(perSecond)}/s`,
  left: (seconds: number) => `${span(seconds)} left`,
  of: (done: number, total: number) => `${size(done)} of ${size(total)}`,
  codes: errors,
  error(cause: unknown): string {
    if (!(cause instanceof TransferError)) return "That did not work. Try again.";
    // A name that can't be sent, and such: the message says which.
    return cause.code === "refused" || cause.code === "too-much" ? cause.message : errors[cause.code];
  },

  title: "Send a file",
  send: {
    heading: "Send files to anyone",
    lead: "They go straight to the other side, encrypted and verified. Nothing is kept on a server, and there is no size limit.",
    drop: "Drop files or folders here",
    dropNow: "Let go to send",
    choose: "Choose files",
    folder: "Choose a folder",
    textLabel: "Or send a text or a link",
    textGo: "Send the text",
    or: "Paste works as well.",
    receive: "Receive",
    codeLabel: "Have a code or a link?",
    codeHint: "Like 12345-apple-river.",
    codeBad: "A code has five digits and two words, like 12345-apple-river.",
    elsewhere: (host: string) => `This link leads to ${host}, another server. Open it there.`,
    reading: (name: string) => `Reading ${name}`,
    readingWhy: "Every file is read once before it is sent, so that the other side can check all of it.",
    stop: "Stop",
    more: "Send something else",
    insecure: "Files can be sent over https only, as the browser encrypts and stores nothing on a page without it.",
  },
  share: {
    heading: "Waiting for the other side",
    joined: (n: number) => (plural.select(n) === "one" ? "1 person is connected" : `${n} people are connected`),
    text: "Give this link to who should get it. Keep this page open until everything has arrived.",
    link: "Link",
    copy: "Copy the link",
    copied: "Link copied",
    code: "Or this code, by voice: it is typed on the same page",
    spent: "The code was guessed wrong three times and works no more. The link still does.",
    qr: "QR code of the link, for a phone's camera",
    share: "Share…",
    anyone: "Whoever has the link can get the files as long as this page is open.",
  },
  receive: {
    heading: "Somebody sends you files",
    connecting: "Connecting with the sender…",
    nobody: "The sender is not here. Keep this page open: it goes on when they are back.",
    need: "This link has lost its end. Open the whole link, with what follows the #, or type the code.",
  },
  row: {
    from: (name: string) => `from ${name}`,
    to: (name: string) => `to ${name}`,
    accept: "Accept",
    acceptInto: "Accept into a folder…",
    decline: "Decline",
    pause: "Pause",
    continue: "Continue",
    cancel: "Cancel",
    of: (what: string, name: string) => `${what}: ${name}`,
    save: "Save",
    saveZip: "Save as zip",
    saveInto: "Save into a folder…",
    open: "Open",
    copy: "Copy the text",
    copied: "Copied",
    verified: "verified",
    all: (n: number) => `All ${files(n)}`,
    some: (n: number) => `and ${files(n)} more`,
    progress: (name: string) => `Progress of ${name}`,
    spoken: (digits: string) => `Security number ${digits.slice(0, 3)} ${digits.slice(3)}`,
    spokenWhy: "Both sides see the same number, unless somebody stands between them. Compare it by voice when it matters.",
    proven: "The link proves who is who.",
    open_: "Nothing but this number proves who is who: the server introduced you.",
    file: { waiting: "waiting", verified: "verified", failed: "failed", skipped: "not wanted" } as Record<string, string>,
  },
  phase(t: TransferState): string {
    switch (t.phase) {
      case "connecting": return "Connecting…";
      case "offered": return t.direction === "out" ? "Waiting for an answer" : "";
      case "starting": return "Making room…";
      case "going": return "";
      case "paused": return t.pausedBy === "us" ? "Paused" : `Paused by ${t.peer.name || "the other side"}`;
      case "reconnecting": return "Connection lost. It goes on by itself.";
      case "done": return t.direction === "out" ? "Arrived" : "Received";
      case "declined": return t.direction === "out" ? "Declined" : "You declined";
      case "cancelled": return "Cancelled";
      case "failed": return t.error === null ? "Failed" : errors[t.error.code];
      case "gone": return "The other side has left.";
    }
  },
  route(r: Route): string {
    const rtt = r.rttMs === null ? "" : ` · ${r.rttMs} ms`;
    if (r.kind === "lan") return `direct on the local network${rtt}`;
    if (r.kind === "direct") return `direct${rtt}`;
    return `relayed${rtt}`;
  },
  why(r: Route): string {
    if (r.kind === "lan") return "Both sides are on the same network: the files do not leave it.";
    if (r.kind === "direct") return "Straight through the internet, through no server.";
    if (r.why === "chosen") return "Through the relay, as was asked for. It can read nothing.";
    if (r.why === "udp-blocked") return "Through the relay: a network lets only TCP out. The relay can read nothing.";
    return "Through the relay: the two networks let no direct connection in. It can read nothing.";
  },
  panel: {
    title: "Files",
    close: "Close the files",
    empty: "Drop files anywhere on this page, or choose some.",
    to: "To",
    everybody: "Everybody here",
    nobody: "Nobody else is here yet.",
  },
  live: {
    offer: (from: string, name: string) => `${from || "Somebody"} wants to send you ${name}`,
    done: (direction: "in" | "out", name: string, peer: string) => (direction === "in" ? `${name} has arrived and is verified` : `${peer || "The other side"} has received ${name}, verified`),
    failed: (name: string) => `${name} could not be transferred`,
  },
  history: "This visit",
};
