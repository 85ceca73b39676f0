// Who speaks, from loudness samples: at once when it rises, with a hold when it falls, so that a ring does not flicker between
// two words. Pure; the caller samples ten times a second.

/** Linear amplitude above which somebody begins to speak (-40 dBov) and below which the hold begins. */
const ON = 0.01;
const OFF = 0.005;
/** Milliseconds of quiet until "speaking" ends: longer than a breath between words. */
const HOLD = 600;
/** Steps of the level shown: fewer changes to draw. */
const STEPS = 20;

export interface Level {
  readonly speaking: boolean;
  /** 0..1. */
  readonly level: number;
  /** When it was last loud: milliseconds. */
  readonly loudAt: number;
}

export const silent: Level = { speaking: false, level: 0, loudAt: -Infinity };

/** amplitude is linear, 0..1, as getSynchronizationSources and getStats give it. */
export function listen(before: Level, amplitude: number, now: number): Level {
  const loud = amplitude >= (before.speaking ? OFF : ON);
  const loudAt = loud ? now : before.loudAt;
  const speaking = loud || (before.speaking && now - loudAt < HOLD);
  const target = speaking ? loudness(amplitude) : 0;
  const smooth = target > before.level ? target : before.level * 0.6 + target * 0.4;
  return { speaking, level: Math.round(smooth * STEPS) / STEPS, loudAt };
}

/** RFC 6464: 0 is the loudest, 127 is silence, in -dBov. */
export function amplitude(dbov: number): number {
  return dbov >= 127 ? 0 : 10 ** (-dbov / 20);
}

/** Linear amplitude as people hear it, 0..1: speech spans about 50 dB, a linear bar would hardly move. */
export function loudness(amplitude: number): number {
  return amplitude <= 0 ? 0 : Math.max(0, Math.min(1, 1 + (20 * Math.log10(amplitude)) / 50));
}
