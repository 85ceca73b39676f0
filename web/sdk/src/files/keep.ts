// The bitmaps of unfinished contents, in IndexedDB: what a reload or a crash leaves to continue from. Where the browser has no
// database for us, a transfer works all the same and begins anew after a reload.

interface Kept {
  readonly key: string;
  readonly bits: Uint8Array<ArrayBuffer>;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const NAME = "confab-files";
const STORE = "have";

function database(): Promise<IDBDatabase | null> {
  return new Promise((resolve) => {
    if (!("indexedDB" in globalThis)) return resolve(null);
    const r = indexedDB.open(NAME, 1);
    r.onupgradeneeded = () => r.result.createObjectStore(STORE, { keyPath: "key" });
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => resolve(null);
    r.onblocked = () => resolve(null);
  });
}

let opened: Promise<IDBDatabase | null> | null = null;

async function within<T>(mode: IDBTransactionMode, f: (s: IDBObjectStore) => IDBRequest<T>): Promise<T | null> {
  const db = await (opened ??= database());
  if (db === null) return null;
  return new Promise((resolve) => {
    try {
      const r = f(db.transaction(STORE, mode).objectStore(STORE));
      r.onsuccess = () => resolve(r.result);
      r.onerror = () => resolve(null);
    } catch {
      resolve(null); // the database was closed under us: it is a convenience, not a need
    }
  });
}

export async function remember(key: string, bits: Uint8Array<ArrayBuffer>): Promise<void> {
  await within("readwrite", (s) => s.put({ key, bits, at: Date.now() } satisfies Kept));
}

export async function recall(key: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const k = (await within("readonly", (s) => s.get(key))) as Kept | null | undefined;
  return k?.bits instanceof Uint8Array ? k.bits : null;
}

export async function forget(key: string): Promise<void> {
  await within("readwrite", (s) => s.delete(key));
}

/** Keys that were last written before this time. */
export async function olderThan(at: number): Promise<string[]> {
  const all = (await within("readonly", (s) => s.getAll())) as Kept[] | null;
  return (all ?? []).filter((k) => k.at < at).map((k) => k.key);
}
