// Keys of the call. Text fields, open menus and dialogs keep theirs.

import { useEffect } from "preact/hooks";
import { prefs } from "../prefs.js";
import { actionFor, type Action } from "../pure/shortcuts.js";
import type { Session } from "../session.js";

function targetKind(target: EventTarget | null): "text" | "control" | "other" {
  if (!(target instanceof HTMLElement)) return "other";
  if (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox])") || target.closest("dialog, [role=menu]")) return "text";
  // A button that was clicked keeps the focus, but who holds the space bar then wants to talk; the ring tells the two apart.
  return target.matches("button, a, input, summary, [tabindex]:not([tabindex='-1'])") && target.matches(":focus-visible") ? "control" : "other";
}

export function useShortcuts(session: Session): void {
  useEffect(() => {
    const ear = new AbortController();
    const o = { signal: ear.signal };
    const does: Record<Action, () => void> = {
      microphone: () => session.toggleMicrophone(),
      camera: () => session.toggleCamera(),
      share: () => void session.toggleScreen(),
      hand: () => session.toggleHand(),
      chat: () => session.toggle("chat"),
      people: () => session.toggle("people"),
      layout: () => session.toggleLayout(),
      talk: () => session.hold.press(session.muted.peek()),
      help: () => (session.dialog.value = "shortcuts"),
    };
    addEventListener("keydown", (e) => {
      if (e.defaultPrevented) return;
      const action = actionFor(prefs.peek().keys, e, targetKind(e.target));
      if (action === null) return;
      e.preventDefault();
      does[action]();
    }, o);
    addEventListener("keyup", (e) => {
      if (e.key.toLowerCase() === prefs.peek().keys.talk) session.hold.release();
    }, o);
    addEventListener("blur", () => session.hold.release(), o);
    return () => ear.abort();
  }, [session]);
}
