// The chat: messages grouped by person and minute, lines about who came and went; what is on its way is lighter, what failed
// can be sent again.

import type { ChatEntry } from "@confab/sdk";
import { useLayoutEffect, useRef } from "preact/hooks";
import { group } from "../pure/message.js";
import type { Session } from "../session.js";
import { format, t } from "../texts/index.js";
import { Composer } from "./composer.js";
import { Message } from "./message.js";

/** Pixels from the end within which new messages are followed. */
const NEAR = 40;

export function Chat({ session }: { session: Session }) {
  const chat = session.chat.value;
  const talk = session.talk.value;
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const was = useRef({ first: "", height: 0 });
  const first = chat[0]?.id ?? "";
  useLayoutEffect(() => {
    const l = list.current;
    if (!l) return;
    if (atEnd.current || chat.at(-1)?.status === "pending") l.scrollTop = l.scrollHeight;
    // Older messages came in above: what was being read stays where it was.
    else if (was.current.first !== first) l.scrollTop += l.scrollHeight - was.current.height;
    was.current = { first, height: l.scrollHeight };
  }, [chat]);
  return (
    <>
      <div
        class="chat" ref={list} tabIndex={0} role="log" aria-label={t.chat.log} aria-live="off"
        onScroll={(e) => { const l = e.currentTarget; atEnd.current = l.scrollHeight - l.scrollTop - l.clientHeight < NEAR; }}
      >
        {talk.more ? (
          <button type="button" class="button quiet wide" disabled={talk.loading} onClick={() => session.call.chat.older()}>
            {talk.loading ? t.chat.loading : t.chat.older}
          </button>
        ) : null}
        {chat.length === 0 ? <p class="empty">{t.chat.empty}</p> : null}
        {group(chat).map((g) => <Group key={g[0]?.id} messages={g} session={session} />)}
      </div>
      <Typing session={session} />
      <Composer session={session} />
    </>
  );
}

function Group({ messages, session }: { messages: readonly ChatEntry[]; session: Session }) {
  const first = messages[0];
  if (!first) return null;
  if (first.line !== null) return <p class="chat-line">{t.chat.lines[first.line](first.own ? t.call.you : first.name)} <time dateTime={iso(first.time)}>{format.clock(first.time)}</time></p>;
  return (
    <div class={`said${first.own ? " own" : ""}`}>
      <p class="said-head">
        <b>{first.own ? t.call.you : first.name}</b>
        {first.to === null ? null : <span class="said-to">{t.chat.toOne(first.own ? nameOf(session, first.to) : t.call.you)}</span>}
        <time dateTime={iso(first.time)}>{format.clock(first.time)}</time>
      </p>
      {messages.map((m) => <Message key={m.id} message={m} session={session} />)}
    </div>
  );
}

function Typing({ session }: { session: Session }) {
  const names = session.talk.value.typing.map((p) => p.name);
  return <p class="typing">{names.length === 0 ? "" : t.chat.typing(names)}</p>;
}

function nameOf(session: Session, id: string): string {
  return session.state.value.people.find((p) => p.id === id)?.name ?? t.chat.somebody;
}

const iso = (ms: number) => new Date(ms).toISOString();
