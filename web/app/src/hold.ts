// Push to talk: the microphone is on while a key is held, and only if holding the key is what turned it on.

import { signal } from "@preact/signals";

export class Hold {
  readonly talking = signal(false);

  constructor(private readonly setMicrophone: (on: boolean) => void) {}

  press(muted: boolean): void {
    if (this.talking.peek() || !muted) return;
    this.talking.value = true;
    this.setMicrophone(true);
  }

  /** The key went up, or the page lost the keyboard: either way nobody means to talk on. */
  release(): void {
    if (!this.talking.peek()) return;
    this.talking.value = false;
    this.setMicrophone(false);
  }
}
