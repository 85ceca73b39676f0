// The list of shortcuts, each of which can be given another key.

import { useState } from "preact/hooks";
import { prefs, setPrefs } from "../prefs.js";
import { ACTIONS, bindable, rebind, STANDARD, type Action } from "../pure/shortcuts.js";
import { t } from "../texts/index.js";
import { keyName } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";

export function Shortcuts({ onClose }: { onClose: () => void }) {
  const [waiting, wait] = useState<Action | null>(null);
  const [problem, setProblem] = useState("");
  const keys = prefs.value.keys;

  const press = (e: KeyboardEvent) => {
    if (waiting === null || e.key === "Tab" || e.key === "Shift") return;
    e.preventDefault();
    e.stopPropagation();
    if (e.key !== "Escape" && bindable(e.key)) {
      const result = rebind(keys, waiting, e.key);
      if ("taken" in result) return setProblem(t.shortcuts.taken(keyName(e.key), t.shortcuts.actions[result.taken as Action]));
      setPrefs({ keys: result });
    }
    setProblem("");
    wait(null);
  };
  return (
    <Dialog title={t.shortcuts.title} onClose={onClose}>
      <p class="hint">{t.shortcuts.hint}</p>
      <ul class="keys" onKeyDown={press}>
        {ACTIONS.map((action) => (
          <li key={action}>
            <span>{t.shortcuts.actions[action]}</span>
            <button type="button" class="key" aria-label={t.shortcuts.change(t.shortcuts.actions[action], keyName(keys[action]))}
              onClick={() => { setProblem(""); wait(action); }} onBlur={() => wait(null)}>
              {waiting === action ? t.shortcuts.press : <kbd>{keyName(keys[action])}</kbd>}
            </button>
          </li>
        ))}
      </ul>
      <p class="hint problem" role="alert">{problem}</p>
      <button type="button" class="button" onClick={() => setPrefs({ keys: STANDARD })}>{t.shortcuts.reset}</button>
    </Dialog>
  );
}
