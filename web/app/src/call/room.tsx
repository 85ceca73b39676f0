// The room's own settings: who gets in, a password, how many people, and its end.

import { MaxPassword, MinPassword, type Access } from "@confab/sdk";
import { useState } from "preact/hooks";
import { atLeast } from "../pure/roles.js";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";

export function RoomSettings({ session, onClose }: { session: Session; onClose: () => void }) {
  const { settings, self, grants, recording } = session.state.value;
  const { room } = session.call;
  const host = atLeast(self?.role, "host");
  const [ending, setEnding] = useState(false);
  if (settings === null) return null;
  return (
    <Dialog title={t.room.title} onClose={onClose}>
      <label class="field">
        <span class="field-label">{t.room.access}</span>
        <span class="select">
          <select value={settings.access} onChange={(e) => session.order(room.setAccess(e.currentTarget.value as Access))}>
            {(["open", "lobby", "locked"] as const).map((a) => <option key={a} value={a}>{t.room.accesses[a]}</option>)}
          </select>
          <Icon name="chevronUp" size={18} />
        </span>
      </label>
      {host ? <Password session={session} has={settings.password} /> : null}
      {host ? (
        <label class="field">
          <span class="field-label">{t.room.people}</span>
          <input class="input" type="number" min={2} value={settings.people} onChange={(e) => {
            const people = e.currentTarget.valueAsNumber;
            if (people >= 1) session.order(room.setPeople(Math.floor(people)));
          }} />
        </label>
      ) : null}
      {grants.includes("record") ? (
        <div class="field">
          <button type="button" class="button" onClick={() => session.order(room.record(recording === null))}>{recording === null ? t.room.record : t.room.recordEnd}</button>
          <span class="hint">{t.room.recordHint}</span>
        </div>
      ) : null}
      <div class="panel-row">
        <button type="button" class="button" onClick={() => session.order(room.mute("", ["microphone"]))}>{t.room.muteAll}</button>
        {ending
          ? <button type="button" class="button danger" onClick={() => session.order(room.end())}>{t.room.endSure}</button>
          : <button type="button" class="button" onClick={() => setEnding(true)}>{t.room.end}</button>}
      </div>
    </Dialog>
  );
}

function Password({ session, has }: { session: Session; has: boolean }) {
  const [word, setWord] = useState("");
  const short = word.length > 0 && word.length < MinPassword;
  return (
    <form class="field" onSubmit={(e) => {
      e.preventDefault();
      if (short || word === "") return;
      session.order(session.call.room.setPassword(word));
      setWord("");
    }}>
      <label>
        <span class="field-label">{has ? t.room.passwordNew : t.room.password}</span>
        <input class="input" type="text" autocomplete="off" spellcheck={false} maxLength={MaxPassword} value={word} aria-invalid={short}
          onInput={(e) => setWord(e.currentTarget.value)} />
      </label>
      <span class={short ? "hint problem" : "hint"}>{short ? t.room.passwordShort(MinPassword) : has ? t.room.passwordSet : t.room.passwordNone}</span>
      <div class="panel-row">
        <button type="submit" class="button" disabled={short || word === ""}>{t.room.passwordSave}</button>
        {has ? <button type="button" class="button" onClick={() => session.order(session.call.room.setPassword(""))}>{t.room.passwordDrop}</button> : null}
      </div>
    </form>
  );
}
