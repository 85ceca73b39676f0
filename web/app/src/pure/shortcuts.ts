// Which key does what. Pure: keys are KeyboardEvent.key in lower case, " " is the space bar.

export const ACTIONS = ["microphone", "camera", "share", "hand", "chat", "people", "layout", "talk", "help"] as const;
export type Action = (typeof ACTIONS)[number];
export type Keys = Record<Action, string>;

export const STANDARD: Keys = {
  microphone: "m", camera: "v", share: "s", hand: "h", chat: "c", people: "p", layout: "l", talk: " ", help: "?",
};

/** What a key press asks for; null for nothing, and for all that belongs to the browser or to a text field. */
export function actionFor(
  keys: Keys,
  e: { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean; repeat: boolean },
  target: "text" | "control" | "other",
): Action | null {
  if (target === "text" || e.ctrlKey || e.metaKey || e.altKey) return null;
  const key = e.key.toLowerCase();
  // Space and Enter press the focused control; a shortcut must not take that away.
  if (target === "control" && (key === " " || key === "enter")) return null;
  const action = ACTIONS.find((a) => keys[a] === key) ?? null;
  return action !== null && e.repeat && action !== "talk" ? null : action;
}

/** Gives an action another key; the one who has the key already when it is taken. */
export function rebind(keys: Keys, action: Action, key: string): Keys | { taken: Action } {
  const lower = key.toLowerCase();
  const holder = ACTIONS.find((a) => a !== action && keys[a] === lower);
  return holder ? { taken: holder } : { ...keys, [action]: lower };
}

/** Whether a key may be bound: one printable character. Esc, Tab, Enter and arrows have their own work. */
export function bindable(key: string): boolean {
  return [...key].length === 1;
}

/** Takes what was stored, as far as it is usable. */
export function readKeys(stored: unknown): Keys {
  const keys = { ...STANDARD };
  if (typeof stored !== "object" || stored === null) return keys;
  for (const action of ACTIONS) {
    const key: unknown = (stored as Record<string, unknown>)[action];
    if (typeof key === "string" && bindable(key)) keys[action] = key.toLowerCase();
  }
  return new Set(Object.values(keys)).size === ACTIONS.length ? keys : { ...STANDARD };
}
