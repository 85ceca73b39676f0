// Which blocks are there. The bit of block 0 is the highest of the first byte, as in HAVE messages.

export class Bitmap {
  private bytes: Uint8Array<ArrayBuffer>;
  private set = 0;

  constructor(readonly length: number, from?: Uint8Array) {
    this.bytes = new Uint8Array(Math.ceil(length / 8));
    for (let i = 0; from !== undefined && i < length; i++) if (bit(from, i)) this.add(i);
  }

  /** How many there are. */
  get count(): number {
    return this.set;
  }

  get full(): boolean {
    return this.set === this.length;
  }

  has(i: number): boolean {
    return i < this.length && bit(this.bytes, i);
  }

  /** False if it was there, or can't be. */
  add(i: number): boolean {
    if (i < 0 || i >= this.length || this.has(i)) return false;
    this.bytes[i >> 3] = (this.bytes[i >> 3] ?? 0) | (0x80 >> (i & 7));
    this.set++;
    return true;
  }

  /** A copy of the bits from..to as bytes of their own. */
  slice(from: number, to: number): Uint8Array<ArrayBuffer> {
    const part = new Bitmap(to - from);
    for (let i = from; i < to; i++) if (this.has(i)) part.add(i - from);
    return part.bytes;
  }

  copy(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice();
  }
}

/** Of bytes laid out as a Bitmap's. */
export function bit(bytes: Uint8Array, i: number): boolean {
  return ((bytes[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0;
}
