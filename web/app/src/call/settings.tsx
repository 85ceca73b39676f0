// Settings: devices, the own picture, tones, appearance. Each takes effect at once.

import { prefs, setPrefs, type Prefs } from "../prefs.js";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { Dialog } from "../ui/dialog.js";
import { DeviceSelect, Meter } from "../ui/parts.js";
import { Icon } from "../ui/icons.js";
import { canChooseSpeaker } from "./bar.js";

export function Settings({ session, onClose }: { session: Session; onClose: () => void }) {
  const { media } = session;
  const devices = media.devices.value;
  const p = prefs.value;
  return (
    <Dialog title={t.settings.title} onClose={onClose}>
      <DeviceSelect label={t.devices.camera} kind={t.devices.camera} value={p.camera} devices={devices.cameras} used={media.camera.value} onChange={(id) => void session.choose("camera", id)} />
      <div class="field">
        <DeviceSelect label={t.devices.microphone} kind={t.devices.microphone} value={p.microphone} devices={devices.microphones} used={media.microphone.value}
          onChange={(id) => void session.choose("microphone", id)} />
        <Meter level={media.level} label={t.join.level} />
      </div>
      {canChooseSpeaker && devices.speakers.length > 0 ? (
        <DeviceSelect label={t.devices.speaker} kind={t.devices.speaker} value={p.speaker} devices={devices.speakers} onChange={(id) => session.chooseSpeaker(id)} />
      ) : null}
      <Switch label={t.settings.mirror} on={p.mirror} set={(mirror) => setPrefs({ mirror })} />
      <Switch label={t.settings.tones} on={p.tones} set={(tones) => setPrefs({ tones })} />
      <label class="field">
        <span class="field-label">{t.settings.appearance}</span>
        <span class="select">
          <select value={p.theme} onChange={(e) => setPrefs({ theme: e.currentTarget.value as Prefs["theme"] })}>
            <option value="auto">{t.settings.themeAuto}</option>
            <option value="light">{t.settings.themeLight}</option>
            <option value="dark">{t.settings.themeDark}</option>
          </select>
          <Icon name="chevronUp" size={18} />
        </span>
      </label>
    </Dialog>
  );
}

function Switch({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label class="switch">
      <span>{label}</span>
      <input type="checkbox" role="switch" checked={on} onChange={(e) => set(e.currentTarget.checked)} />
    </label>
  );
}
