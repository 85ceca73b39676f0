// What a camera is sent as, by size. Simulcast to the SFU has three encodings, q, h and f, at a quarter, a half and the full
// size. Chromium sends at most two below 960x540 and drops the largest (measured with Chromium 156), so a small camera uses
// q and h for a half and the full size, and f rests.

export interface Encoding {
  readonly rid: string;
  readonly active: boolean;
  readonly scaleResolutionDownBy: number;
  /** Bits per second. */
  readonly maxBitrate: number;
}

/** Upper bounds in bit/s for the three sizes of a 720p camera; a viewer's slot gets one of them. */
const RATES = { q: 160_000, h: 500_000, f: 1_700_000 };

/** Width and height of the track; unknown counts as large. */
export function cameraEncodings(width: number | undefined, height: number | undefined): Encoding[] {
  const long = Math.max(width ?? 1280, height ?? 720); // phones deliver 720x1280
  const small = long < 960;
  return [
    { rid: "q", active: true, scaleResolutionDownBy: small ? 2 : 4, maxBitrate: RATES.q },
    { rid: "h", active: true, scaleResolutionDownBy: small ? 1 : 2, maxBitrate: RATES.h },
    { rid: "f", active: !small, scaleResolutionDownBy: 1, maxBitrate: RATES.f },
  ];
}

/** A screen is read, not watched: one encoding, full size. */
export const screenRate = 3_000_000;

interface CodecLike {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/**
 * Orders codecs for sending and receiving: VP8 first, which every browser encodes three times over without sweat (Safari
 * would begin with H264, which Firefox lacks); and leaves out the profiles nobody sends, which are most of an offer's bytes.
 */
export function preferredCodecs<C extends CodecLike>(codecs: readonly C[]): C[] {
  const rank = ["video/vp8", "video/vp9", "video/h264", "video/av1"];
  const kept = codecs.filter((c) => {
    const fmtp = c.sdpFmtpLine ?? "";
    const mime = c.mimeType.toLowerCase();
    if (mime === "video/h264") return /packetization-mode=1/.test(fmtp) && /profile-level-id=42e0/i.test(fmtp);
    if (mime === "video/vp9" || mime === "video/av1") return !/profile(-id)?=[1-9]/.test(fmtp);
    return mime !== "video/h265";
  });
  const order = (c: C): number => {
    const i = rank.indexOf(c.mimeType.toLowerCase());
    return i < 0 ? rank.length : i; // rtx, red and ulpfec behind
  };
  return [...kept].sort((a, b) => order(a) - order(b));
}

/** Applies preferredCodecs to a video transceiver. Not pure: it asks the browser what it can do. */
export function preferVP8(t: RTCRtpTransceiver): void {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.("video")?.codecs;
  if (codecs !== undefined) t.setCodecPreferences?.(preferredCodecs(codecs));
}
