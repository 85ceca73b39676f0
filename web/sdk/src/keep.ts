// Where what is not sent yet outlives the page: IndexedDB, or memory where the browser refuses it (private windows, no
// storage left). Losing the database loses messages that were never sent; it never stops a call.
//
// IndexedDB writes in its own time, and a page that goes at once takes what it has not written with it. So a row is in the tab's
// session storage, which is written before the call returns, until the database has it.

import type { Kept } from "./outbox.js";
import type { Store } from "./platform.js";

export interface Keep {
  /** What is kept of a visit, oldest first. */
  load(visit: string): Promise<Kept[]>;
  /** Keeps, or replaces what has the same id. */
  save(visit: string, k: Kept): void;
  drop(visit: string, id: string): void;
}

const STORE = "outbox";
/** In session storage: the rows that the database may not have yet. */
const UNWRITTEN = "confab.unwritten";
/** Milliseconds after which what a closed page left behind is thrown away. */
const STALE = 24 * 3600 * 1000;

interface Row extends Kept {
  readonly visit: string;
}

export function memoryKeep(): Keep {
  const visits = new Map<string, Map<string, Kept>>();
  return {
    load: (visit) => Promise.resolve([...(visits.get(visit)?.values() ?? [])].sort((a, b) => a.n - b.n)),
    save: (visit, k) => void visits.set(visit, (visits.get(visit) ?? new Map()).set(k.id, k)),
    drop: (visit, id) => void visits.get(visit)?.delete(id),
  };
}

/** now is the time in milliseconds since 1970; session is of this tab, or null. */
export function databaseKeep(factory: IDBFactory | undefined, now: () => number, session: Store | null): Keep {
  const memory = memoryKeep();
  const unwritten = (): Row[] => {
    try {
      return JSON.parse(session?.getItem(UNWRITTEN) ?? "[]") as Row[];
    } catch {
      return [];
    }
  };
  const without = (visit: string, id: string): Row[] => unwritten().filter((r) => r.visit !== visit || r.id !== id);
  const note = (rows: Row[]): void => {
    try {
      if (rows.length === 0) session?.removeItem(UNWRITTEN);
      else session?.setItem(UNWRITTEN, JSON.stringify(rows));
    } catch {
      // no room left: the database has it soon
    }
  };
  const database = factory === undefined ? Promise.resolve(null) : open(factory).catch(() => null);
  const swept = database.then((db) => (db === null ? undefined : sweep(db, now() - STALE))).catch(() => undefined);
  const write = (f: (rows: IDBObjectStore) => void, written?: () => void): void => {
    void database.then((db) => {
      if (db === null) return;
      const t = db.transaction(STORE, "readwrite");
      if (written !== undefined) t.oncomplete = written;
      f(t.objectStore(STORE));
    }).catch(() => undefined); // the message itself is in memory, and on its way
  };
  return {
    load: async (visit) => {
      const db = await database;
      if (db === null) return memory.load(visit);
      await swept;
      try {
        const rows = await done<Row[]>(db.transaction(STORE).objectStore(STORE).getAll(IDBKeyRange.bound([visit], [visit, []])));
        const late = unwritten().filter((r) => r.visit === visit);
        const known = rows.filter((r) => !late.some((l) => l.id === r.id));
        return [...known, ...late].sort((a, b) => a.n - b.n);
      } catch {
        return [];
      }
    },
    save: (visit, k) => {
      memory.save(visit, k);
      const row: Row = { ...k, visit };
      note([...without(visit, k.id), row]);
      write((rows) => rows.put(row), () => note(without(visit, k.id)));
    },
    drop: (visit, id) => {
      memory.drop(visit, id);
      note(without(visit, id));
      write((rows) => rows.delete([visit, id]));
    },
  };
}

function open(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open("confab", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["visit", "id"] });
  return done(request);
}

async function sweep(db: IDBDatabase, before: number): Promise<void> {
  const rows = db.transaction(STORE, "readwrite").objectStore(STORE);
  for (const row of await done<Row[]>(rows.getAll())) if (row.at < before) rows.delete([row.visit, row.id]);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
