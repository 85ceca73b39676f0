// An EventTarget whose events are CustomEvents with a detail of a known type.

export class Emitter<Events> extends EventTarget {
  override addEventListener<K extends keyof Events & string>(
    type: K, f: ((e: CustomEvent<Events[K]>) => void) | null, o?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(type: string, f: EventListenerOrEventListenerObject | null, o?: AddEventListenerOptions | boolean): void;
  override addEventListener(type: string, f: unknown, o?: AddEventListenerOptions | boolean): void {
    super.addEventListener(type, f as EventListener | null, o);
  }

  override removeEventListener<K extends keyof Events & string>(
    type: K, f: ((e: CustomEvent<Events[K]>) => void) | null, o?: EventListenerOptions | boolean,
  ): void;
  override removeEventListener(type: string, f: EventListenerOrEventListenerObject | null, o?: EventListenerOptions | boolean): void;
  override removeEventListener(type: string, f: unknown, o?: EventListenerOptions | boolean): void {
    super.removeEventListener(type, f as EventListener | null, o);
  }

  protected emit<K extends keyof Events & string>(type: K, detail: Events[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
