// One run of the handshake, as either side: messages in, messages out, and at the end the six digits to compare and the
// fingerprint that every connection of the other side must have. It talks through send; it opens nothing.

import { b64u, random, same, unb64u, utf8, type Bytes } from "./bytes.js";
import type { Mode, Opening } from "./control.js";
import * as cpace from "./cpace.js";
import { TransferError } from "./errors.js";
import { commitment, mac, modeKey, spoken, type Transcript } from "./secure.js";

/** What a side can prove that it belongs here with. */
export interface Keys {
  /** 16 bytes of the link. */
  readonly link?: Bytes;
  readonly code?: string;
  /** Of the swarms that the other side may belong to; an opener has one. */
  readonly swarm?: readonly Bytes[];
  /** Whoever is in the room will do: the six digits are the only protection. */
  readonly open?: boolean;
  /** Of CPace; needed with a code. */
  readonly group?: () => Promise<cpace.Group>;
}

const CONTEXT = "confab transfer 1";

export interface Outcome {
  readonly mode: Mode;
  /** Of the other side's certificate. */
  readonly fingerprint: string;
  readonly spoken: string;
  /** Of the swarm that the other side belongs to; null in other modes. */
  readonly swarm: Bytes | null;
}

abstract class Handshake {
  outcome: Outcome | null = null;

  constructor(
    protected readonly transfer: string,
    protected readonly keys: Keys,
    protected readonly fingerprint: string,
    protected readonly send: (m: Opening) => void,
  ) {}

  /** True when this message has finished the run. Throws a TransferError that ends the transfer. */
  abstract receive(m: Opening): Promise<boolean>;

  protected async settle(t: Transcript, theirs: string, swarm: Bytes | null): Promise<boolean> {
    this.outcome = { mode: t.mode, fingerprint: theirs, spoken: await spoken(t), swarm };
    return true;
  }

  protected codeShare(): Promise<cpace.Share & { group: cpace.Group }> {
    const { code, group } = this.keys;
    if (code === undefined || group === undefined) throw new TransferError("unsupported", "no code was given");
    return group().then(async (g) => ({ ...(await cpace.share(g, utf8(code.toLowerCase()), utf8(CONTEXT), utf8(this.transfer), random(64))), group: g }));
  }
}

/** The side that has opened the transfer. */
export class Opener extends Handshake {
  private readonly nonce = random(16);
  private readonly modes: Mode[] = [];
  private share: (cpace.Share & { group: cpace.Group }) | null = null;
  private expected: { t: Transcript; theirs: string; mac: Bytes | null } | null = null;
  /** A proof went out that the other side can test one guess of the code with. */
  guessed = false;

  async start(): Promise<void> {
    const { link, code, swarm, open } = this.keys;
    if (link !== undefined) this.modes.push("link");
    if (code !== undefined) this.modes.push("code");
    if (swarm !== undefined) this.modes.push("swarm");
    if (open === true) this.modes.push("open");
    if (code !== undefined) this.share = await this.codeShare();
    const commit = await commitment(this.nonce);
    this.send({
      t: "hello", v: 1, fingerprint: this.fingerprint, commit, modes: this.modes, ...(this.share === null ? {} : { share: b64u(this.share.public) }),
    });
  }

  override async receive(m: Opening): Promise<boolean> {
    if (m.t === "hello" && "mode" in m && this.expected === null) {
      const nonceB = unb64u(m.nonce);
      if (nonceB?.length !== 16 || !this.modes.includes(m.mode)) throw new TransferError("not-authentic", "the other side answered with another mode");
      const t: Transcript = {
        transfer: this.transfer, mode: m.mode, fingerprintA: this.fingerprint, fingerprintB: m.fingerprint, nonceA: this.nonce, nonceB,
      };
      const key = await this.key(m.mode, m.share);
      this.expected = { t, theirs: m.fingerprint, mac: key === null ? null : await mac(key, "B", t) };
      this.guessed = m.mode === "code";
      this.send({ t: "prove", nonce: b64u(this.nonce), mac: key === null ? "" : b64u(await mac(key, "A", t)) });
      return false;
    }
    if (m.t !== "prove" || this.expected === null || this.outcome !== null) return false;
    const { t, theirs, mac: want } = this.expected;
    const got = unb64u(m.mac);
    if (want !== null && (got === null || !same(got, want))) throw new TransferError("not-authentic", "the other side does not know the secret");
    this.guessed = false;
    return this.settle(t, theirs, this.keys.swarm?.[0] ?? null);
  }

  private async key(mode: Mode, theirs: string | undefined): Promise<Bytes | null> {
    if (mode === "open") return null;
    if (mode === "link" && this.keys.link !== undefined) return modeKey(mode, this.keys.link);
    if (mode === "swarm" && this.keys.swarm?.[0] !== undefined) return modeKey(mode, this.keys.swarm[0]);
    const yb = unb64u(theirs ?? "");
    if (this.share === null || yb === null) throw new TransferError("not-authentic", "the other side sent no share");
    return modeKey("code", await cpace.agree(this.share.group, this.share, yb, utf8(this.transfer), { share: this.share.public }, { share: yb }));
  }
}

/** The other side. */
export class Answerer extends Handshake {
  private readonly nonce = random(16);
  private run: { mode: Mode; theirs: string; commit: string; keys: (Bytes | null)[] } | null = null;

  override async receive(m: Opening): Promise<boolean> {
    if (m.t === "hello" && "modes" in m && this.run === null) {
      const mode = this.choose(m.modes);
      const { keys, share } = await this.answer(mode, m.share);
      this.run = { mode, theirs: m.fingerprint, commit: m.commit, keys };
      this.send({
        t: "hello", v: 1, fingerprint: this.fingerprint, nonce: b64u(this.nonce), mode, ...(share === null ? {} : { share: b64u(share) }),
      });
      return false;
    }
    if (m.t !== "prove" || this.run === null || this.outcome !== null) return false;
    const { mode, theirs, commit, keys } = this.run;
    const nonceA = unb64u(m.nonce ?? "");
    if (nonceA?.length !== 16 || (await commitment(nonceA)) !== commit) throw new TransferError("not-authentic", "the other side changed its mind about its nonce");
    const t: Transcript = { transfer: this.transfer, mode, fingerprintA: theirs, fingerprintB: this.fingerprint, nonceA, nonceB: this.nonce };
    const got = unb64u(m.mac);
    for (const [i, key] of keys.entries()) {
      if (key !== null && (got === null || !same(got, await mac(key, "A", t)))) continue;
      this.send({ t: "prove", mac: key === null ? "" : b64u(await mac(key, "B", t)) });
      return this.settle(t, theirs, mode === "swarm" ? (this.keys.swarm?.[i] ?? null) : null);
    }
    throw new TransferError("not-authentic", "the other side does not know the secret");
  }

  private choose(modes: readonly Mode[]): Mode {
    const { link, code, swarm, open } = this.keys;
    if (modes.includes("swarm") && swarm !== undefined && swarm.length > 0) return "swarm";
    if (modes.includes("link") && link !== undefined) return "link";
    if (modes.includes("code") && code !== undefined) return "code";
    // Not for who has a secret: whoever it comes from could not prove anything.
    if (modes.includes("open") && open === true && link === undefined && code === undefined) return "open";
    throw new TransferError("not-authentic", "there is no common way to prove who is who: open the whole link, with what follows the #");
  }

  private async answer(mode: Mode, theirs: string | undefined): Promise<{ keys: (Bytes | null)[]; share: Bytes | null }> {
    if (mode === "open") return { keys: [null], share: null };
    if (mode === "link") return { keys: [await modeKey(mode, this.keys.link ?? new Uint8Array())], share: null };
    if (mode === "swarm") return { keys: await Promise.all((this.keys.swarm ?? []).map((s) => modeKey("swarm", s))), share: null };
    const ya = unb64u(theirs ?? "");
    if (ya === null) throw new TransferError("not-authentic", "the other side sent no share");
    const own = await this.codeShare();
    return { keys: [await modeKey("code", await cpace.agree(own.group, own, ya, utf8(this.transfer), { share: ya }, { share: own.public }))], share: own.public };
  }
}
