// The chat: messages grouped by person and minute; what is on its way is lighter, what failed can be sent again.

import type { ChatEntry } from "@confab/sdk";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { group, isEmoji, parts } from "../pure/message.js";
import type { Session } from "../session.js";
import { format, t } from "../texts/index.js";
import { Icon } from "../ui/icons.js";

const LIMIT = 4000;

export function Chat({ session }: { session: Session }) {
  const chat = session.chat.value;
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    const l = list.current;
    if (l && (atEnd.current || chat.at(-1)?.own)) l.scrollTop = l.scrollHeight;
  }, [chat]);
  return (
    <>
      <div
        class="chat" ref={list} tabIndex={0} role="log" aria-label={t.chat.log} aria-live="off"
        onScroll={(e) => { const l = e.currentTarget; atEnd.current = l.scrollHeight - l.scrollTop - l.clientHeight < 40; }}
      >
        {chat.length === 0 ? <p class="empty">{t.chat.empty}</p> : null}
        {group(chat).map((g) => <Group key={g[0]?.id} messages={g} session={session} />)}
      </div>
      <Composer session={session} />
    </>
  );
}

function Group({ messages, session }: { messages: readonly ChatEntry[]; session: Session }) {
  const first = messages[0];
  if (!first) return null;
  return (
    <div class={`said${first.own ? " own" : ""}`}>
      <p class="said-head">
        <b>{first.own ? t.call.you : first.name}</b>
        <time dateTime={new Date(first.time).toISOString()}>{format.clock(first.time)}</time>
      </p>
      {messages.map((m) => (
        <div key={m.id} class={`message ${m.status}${isEmoji(m.text) ? " emoji" : ""}`}>
          <Body text={m.text} />
          {m.status === "failed" ? (
            <p class="message-failed">
              {t.chat.failed}{" "}
              <button type="button" class="link" onClick={() => session.call.retryChat(m.id)}>{t.chat.retry}</button>
            </p>
          ) : null}
        </div>
      ))}
    </div>
  );
}

function Body({ text }: { text: string }) {
  return (
    <div class="message-text" dir="auto">
      {parts(text).map((p, i) => {
        switch (p.kind) {
          case "link": return <a key={i} href={p.href} target="_blank" rel="noopener noreferrer">{p.text}</a>;
          case "code": return <code key={i}>{p.text}</code>;
          case "block": return <pre key={i} tabIndex={0}><code>{p.text}</code></pre>;
          case "text": return p.text;
        }
      })}
    </div>
  );
}

function Composer({ session }: { session: Session }) {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const tooLong = text.length > LIMIT;

  useLayoutEffect(() => {
    const f = field.current;
    if (!f) return;
    f.style.setProperty("height", "auto");
    f.style.setProperty("height", `${Math.min(f.scrollHeight + 2, 140)}px`);
  }, [text]);

  const send = () => {
    const trimmed = text.trim();
    if (trimmed === "" || tooLong) return;
    session.call.sendChat(trimmed);
    setText("");
    field.current?.focus();
  };
  return (
    <form class="composer" onSubmit={(e) => { e.preventDefault(); send(); }}>
      <textarea
        ref={field} class="input" rows={1} value={text} placeholder={t.chat.placeholder} aria-label={t.chat.label} dir="auto" enterkeyhint="send"
        aria-invalid={tooLong} onInput={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
            e.preventDefault();
            send();
          }
        }}
      />
      <button type="submit" class="icon-button primary" aria-label={t.chat.send} disabled={text.trim() === "" || tooLong}><Icon name="send" size={20} /></button>
      {tooLong ? <p class="hint problem" role="alert">{t.chat.tooLong(LIMIT)}</p> : null}
    </form>
  );
}
