// The panel at the side: chat, people or files.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { IconButton } from "../ui/button.js";
import { Chat } from "./chat.js";
import { filesPart } from "../lazy.js";
import { People } from "./people.js";

export function Panel({ session }: { session: Session }) {
  const panel = session.panel.value;
  if (panel === "none") return null;
  const close = () => (session.panel.value = "none");
  if (panel === "files") return <Frame key="files" title={t.more.files} closing={t.more.filesClose} close={close}><Files session={session} /></Frame>;
  return panel === "chat"
    ? <Frame key="chat" title={t.chat.title} closing={t.chat.close} close={close}><Chat session={session} /></Frame>
    : <Frame key="people" title={t.people.title} closing={t.people.close} close={close}><People session={session} /></Frame>;
}

function Files({ session }: { session: Session }) {
  const [part, files] = [filesPart.value, session.files.value];
  return part && files ? <part.FilesPanel files={files} people={session.state.value.people} /> : null;
}

function Frame({ title, closing, close, children }: { title: string; closing: string; close: () => void; children: ComponentChildren }) {
  const root = useRef<HTMLElement>(null);
  // The panel takes the focus when it opens, before the next key is read, and gives it back when it goes.
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    (root.current?.querySelector<HTMLElement>("textarea") ?? root.current)?.focus({ preventScroll: true });
    return () => before?.isConnected && before.focus();
  }, []);
  return (
    <aside id="panel" class="panel" ref={root} tabIndex={-1} aria-label={title} onKeyDown={(e) => e.key === "Escape" && close()}>
      <header class="panel-head">
        <h2>{title}</h2>
        <IconButton icon="close" class="quiet" tip="" label={closing} onClick={close} />
      </header>
      {children}
    </aside>
  );
}
