// The call: the stage with everybody, the line, the bar, the panel.

import { useEffect } from "preact/hooks";
import { Bar } from "../call/bar.js";
import { Emotes } from "../call/emotes.js";
import { InviteDialog } from "../call/invite.js";
import { useShortcuts } from "../call/keyboard.js";
import { ConnectionLine } from "../call/line.js";
import { Pager } from "../call/pager.js";
import { Panel } from "../call/panel.js";
import { RoomSettings } from "../call/room.js";
import { Settings } from "../call/settings.js";
import { Sheet } from "../call/sheet.js";
import { Shortcuts } from "../call/shortcuts.js";
import { Sounds } from "../call/sounds.js";
import { Stage } from "../call/stage.js";
import { filesPart } from "../lazy.js";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { IconButton } from "../ui/button.js";
import { Icon } from "../ui/icons.js";
import { CopyButton } from "../ui/parts.js";

export function CallScreen({ session, room, onLeave }: { session: Session; room: string; onLeave: () => void }) {
  useShortcuts(session);
  useWakeLock();
  const close = () => (session.dialog.value = "none");
  const open = session.panel.value !== "none";
  return (
    <div class={`call${open ? " with-panel" : ""}`}>
      <main class="call-main" aria-label={t.call.label(room)}>
        <header class="call-top">
          <h1 class="room">{room}</h1>
          <ConnectionLine session={session} />
          <Pager session={session} />
        </header>
        <Stage session={session} />
        <Emotes session={session} />
        {session.others.value === 0 ? <Alone session={session} /> : null}
        <Notices session={session} />
        <Bar session={session} onLeave={onLeave} />
      </main>
      <Panel session={session} />
      <Drops session={session} />
      <Sounds session={session} />
      <div class="unseen" aria-live="polite">{session.said.value}</div>
      {session.dialog.value === "settings" ? <Settings session={session} onClose={close} /> : null}
      {session.dialog.value === "shortcuts" ? <Shortcuts onClose={close} /> : null}
      {session.dialog.value === "room" ? <RoomSettings session={session} onClose={close} /> : null}
      {session.dialog.value === "invite" ? <InviteDialog session={session} onClose={close} /> : null}
      {session.dialog.value === "sheet" ? <Sheet session={session} onClose={() => session.dialog.peek() === "sheet" && close()} /> : null}
    </div>
  );
}

/** What is dropped or pasted on a call is sent to who is in it. What takes it is loaded when something is first dragged here. */
function Drops({ session }: { session: Session }) {
  const [part, files] = [filesPart.value, session.files.value];
  useEffect(() => {
    if (files) return;
    const ears = new AbortController();
    const need = (e: DragEvent) => {
      if (!e.dataTransfer?.types.includes("Files")) return;
      e.preventDefault(); // else the browser leaves the call to show the file
      session.needFiles();
    };
    addEventListener("dragover", need, { signal: ears.signal });
    addEventListener("drop", need, { signal: ears.signal });
    return () => ears.abort();
  }, [files]);
  if (!part || !files) return null;
  return <part.DropTarget onItems={(items) => { session.panel.value = "files"; files.send(items); }} />;
}

/** For the first one in the room: what to do so that somebody comes. */
function Alone({ session }: { session: Session }) {
  const share = { title: document.title, url: session.invite };
  return (
    <section class="alone">
      <h2>{t.call.aloneTitle}</h2>
      <p>{t.call.aloneText}</p>
      <p class="invite">{session.invite.replace(/^https?:\/\//, "")}</p>
      <div class="actions">
        <CopyButton class="primary" text={session.invite} label={t.call.alone} done={t.call.copied} />
        {navigator.canShare?.(share) ? (
          <button type="button" class="button" onClick={() => void navigator.share(share).catch(() => undefined)}>
            <Icon name="send" size={18} />
            {t.call.send}
          </button>
        ) : null}
      </div>
    </section>
  );
}

/** Lines just above the bar, where the eye is when a button did not do what it should. */
function Notices({ session }: { session: Session }) {
  const notice = session.notice.value;
  return (
    <div class="notices">
      {session.soundBlocked.value ? (
        <div class="toast">
          <Icon name="sound" size={20} />
          <span>{t.call.clickForSound}</span>
          <button type="button" class="button primary" onClick={() => (session.soundBlocked.value = false)}>{t.call.sound}</button>
        </div>
      ) : null}
      {session.hold.talking.value ? <div class="toast talking">{t.call.talking}</div> : null}
      {notice ? (
        <div class="toast" role="status" key={notice.id}>
          <span>{notice.text}</span>
          <IconButton icon="close" size={16} class="quiet small" tip="" label={t.call.dismiss} onClick={() => (session.notice.value = null)} />
        </div>
      ) : null}
    </div>
  );
}

/** Keeps the screen on. The browser drops the lock with the page's visibility, so it is asked for again. */
function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let over = false;
    const ask = async () => {
      if (document.hidden || !("wakeLock" in navigator)) return;
      try {
        const got = await navigator.wakeLock.request("screen");
        if (over) void got.release();
        else lock = got;
      } catch {
        // Refused on a low battery: the call goes on without.
      }
    };
    const seen = () => void ask();
    document.addEventListener("visibilitychange", seen);
    seen();
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", seen);
      void lock?.release();
    };
  }, []);
}
