// What has no place in a phone's bar, one tap away.

import { prefs } from "../prefs.js";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { Dialog } from "../ui/dialog.js";
import { Icon, type IconName } from "../ui/icons.js";
import { copyInvite, emotes } from "./bar.js";

export function Sheet({ session, onClose }: { session: Session; onClose: () => void }) {
  const hand = session.hand.value;
  const screen = session.sharing.value;
  const grid = prefs.value.layout === "grid";
  const item = (icon: IconName, label: string, act: () => void) => (
    <li>
      <button type="button" class="sheet-item" onClick={() => { onClose(); act(); }}>
        <Icon name={icon} />
        {label}
      </button>
    </li>
  );
  return (
    <Dialog title={t.bar.more} class="sheet" onClose={onClose}>
      <div class="sheet-row" role="group" aria-label={t.bar.emotes}>
        {emotes(session)[0]?.items.map((e) => (
          <button type="button" key={e.key} class="sheet-emote" aria-label={e.name} onClick={() => { onClose(); e.onSelect(); }}>{e.label}</button>
        ))}
      </div>
      <ul class="sheet-list">
        {item("hand", hand ? t.more.handDown : t.more.hand, () => session.toggleHand())}
        {item("people", t.bar.people(session.others.value + 1, session.knocking.value), () => session.toggle("people"))}
        {"getDisplayMedia" in (navigator.mediaDevices ?? {}) ? item("screen", screen ? t.more.shareStop : t.more.share, () => void session.toggleScreen()) : null}
        {session.media.camera.value ? item("flip", t.more.flip, () => void session.media.flip()) : null}
        {item(grid ? "speaker" : "grid", grid ? t.more.speaker : t.more.grid, () => session.toggleLayout())}
        {item("file", t.more.files, () => session.toggle("files"))}
        {item("copy", t.more.copyLink, () => void copyInvite(session))}
        {item("settings", t.more.settings, () => (session.dialog.value = "settings"))}
      </ul>
    </Dialog>
  );
}
