// The control bar: what one can do in a call, always at the same place.

import { prefs } from "../prefs.js";
import { atLeast } from "../pure/roles.js";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { IconButton, keyName } from "../ui/button.js";
import { Menu, type MenuGroup } from "../ui/menu.js";
import { copyText } from "../ui/parts.js";

export function Bar({ session, onLeave }: { session: Session; onLeave: () => void }) {
  const { media } = session;
  const keys = prefs.value.keys;
  const microphone = media.microphone.value !== null && media.microphoneOn.value;
  const camera = media.camera.value !== null;
  const screen = session.sharing.value;
  const hand = session.hand.value;
  const panel = session.panel.value;
  const tips = t.bar.tips;
  return (
    <div class="bar" role="toolbar" aria-label={t.bar.label}>
      <div class="bar-group">
        <div class="split">
          <IconButton
            icon={microphone ? "microphone" : "microphoneOff"} class={microphone ? "" : "off"} shortcut={keys.microphone}
            label={media.microphone.value === null ? t.bar.microphoneNone : microphone ? t.bar.microphoneOn : t.bar.microphoneOff}
            tip={microphone ? tips.mute : tips.unmute} onClick={() => session.toggleMicrophone()}
          />
          <Menu icon="chevronUp" size={16} class={`chevron${microphone ? "" : " off"}`} label={t.bar.chooseMicrophone} groups={microphones(session)} />
        </div>
        <div class="split">
          <IconButton
            icon={camera ? "camera" : "cameraOff"} class={camera ? "" : "off"} shortcut={keys.camera}
            label={camera ? t.bar.cameraOn : media.errors.camera.value ? t.bar.cameraNone : t.bar.cameraOff}
            tip={camera ? tips.cameraOff : tips.cameraOn} onClick={() => session.toggleCamera()}
          />
          <Menu icon="chevronUp" size={16} class={`chevron${camera ? "" : " off"}`} label={t.bar.chooseCamera} groups={cameras(session)} />
        </div>
        <IconButton icon="screen" class={`wide-only${screen ? " on" : ""}`} shortcut={keys.share} label={screen ? t.bar.shareOn : t.bar.shareOff}
          tip={screen ? tips.shareStop : tips.share} pressed={screen} onClick={() => void session.toggleScreen()} />
        <IconButton icon="hand" class={`wide-only${hand ? " on" : ""}`} shortcut={keys.hand} label={hand ? t.bar.handUp : t.bar.handDown}
          tip={hand ? tips.handDown : tips.hand} pressed={hand} onClick={() => session.toggleHand()} />
        <div class="wide-only"><Menu icon="smile" label={t.bar.emotes} tip={t.bar.emotes} groups={emotes(session)} /></div>
        <IconButton icon="chat" class={panel === "chat" ? "on" : ""} shortcut={keys.chat} label={t.bar.chat(session.unread.value)} tip={tips.chat}
          expanded={panel === "chat"} controls="panel" badge={session.unread.value} onClick={() => session.toggle("chat")} />
        <IconButton icon="people" class={`wide-only${panel === "people" ? " on" : ""}`} shortcut={keys.people} label={t.bar.people(session.others.value + 1, session.knocking.value)}
          badge={session.knocking.value} tip={tips.people} expanded={panel === "people"} controls="panel" onClick={() => session.toggle("people")} />
        <div class="wide-only"><Menu icon="more" label={t.bar.more} tip={tips.more} groups={more(session)} /></div>
        <IconButton icon="more" class="narrow-only" label={t.bar.more} tip="" popup="dialog" onClick={() => (session.dialog.value = "sheet")} />
      </div>
      <IconButton icon="leave" class="danger leave" label={t.bar.leave} tip={tips.leave} onClick={onLeave} />
    </div>
  );
}

export function emotes(session: Session): MenuGroup[] {
  return [{ title: t.bar.emotes, row: true, items: EMOTES.map((emoji) => ({ key: emoji, label: emoji, name: t.emoji[emoji], onSelect: () => session.emote(emoji) })) }];
}

const EMOTES = ["👏", "👍", "❤️", "😂", "🎉", "😮"] as const;

type Devices = readonly { id: string; label: string }[];

function choices(title: string, kind: string, devices: Devices, chosen: string, onSelect: (id: string) => void): MenuGroup {
  const named = devices.filter((d) => d.id !== "" && d.id !== "default");
  const current = named.some((d) => d.id === chosen) ? chosen : "";
  return {
    title,
    items: [
      { key: "", label: t.devices.standard, checked: current === "", onSelect: () => onSelect("") },
      ...named.map((d, i) => ({ key: d.id, label: d.label || t.devices.unnamed(kind, i + 1), checked: current === d.id, onSelect: () => onSelect(d.id) })),
    ],
  };
}

function microphones(session: Session): MenuGroup[] {
  const { microphones: list, speakers } = session.media.devices.value;
  const groups = [choices(t.devices.microphone, t.devices.microphone, list, prefs.value.microphone, (id) => void session.choose("microphone", id))];
  if (canChooseSpeaker && speakers.length > 0) {
    groups.push(choices(t.devices.speaker, t.devices.speaker, speakers, prefs.value.speaker, (id) => session.chooseSpeaker(id)));
  }
  return groups;
}

/** Only some browsers let a page choose where sound comes out. */
export const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

function cameras(session: Session): MenuGroup[] {
  return [choices(t.devices.camera, t.devices.camera, session.media.devices.value.cameras, prefs.value.camera, (id) => void session.choose("camera", id))];
}

function more(session: Session): MenuGroup[] {
  const layout = prefs.value.layout;
  const pick = (view: "grid" | "speaker") => () => {
    if (prefs.peek().layout !== view) session.toggleLayout();
  };
  return [
    {
      title: t.more.layout,
      items: [
        { key: "grid", label: t.more.grid, checked: layout === "grid", onSelect: pick("grid") },
        { key: "speaker", label: t.more.speaker, checked: layout === "speaker", onSelect: pick("speaker") },
      ],
    },
    {
      items: [
        { key: "copy", label: t.more.copyLink, icon: "copy", onSelect: () => void copyInvite(session) },
        { key: "files", label: t.more.files, icon: "file", onSelect: () => session.toggle("files") },
        ...(atLeast(session.state.peek().self?.role, "moderator") ? [
          { key: "invite", label: t.more.invite, icon: "link" as const, onSelect: () => (session.dialog.value = "invite") },
          { key: "room", label: t.more.room, icon: "door" as const, onSelect: () => (session.dialog.value = "room") },
        ] : []),
        { key: "full", label: document.fullscreenElement ? t.more.fullscreenEnd : t.more.fullscreen, icon: "expand", onSelect: toggleFullscreen },
        { key: "settings", label: t.more.settings, icon: "settings", onSelect: () => (session.dialog.value = "settings") },
        { key: "keys", label: t.more.shortcuts, icon: "keyboard", shortcut: keyName(prefs.value.keys.help), onSelect: () => (session.dialog.value = "shortcuts") },
      ],
    },
  ];
}

export async function copyInvite(session: Session): Promise<void> {
  await copyText(session.invite);
  session.tell(t.join.copied);
}

export function toggleFullscreen(): void {
  const whole = document.documentElement;
  if (document.fullscreenElement) void document.exitFullscreen();
  else if ("requestFullscreen" in whole) void whole.requestFullscreen();
}
