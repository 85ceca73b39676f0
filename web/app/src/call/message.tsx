// One message of the chat: what it says, what it answers, its reactions, and what can be done with it.

import type { ChatEntry } from "@confab/sdk";
import { atLeast, mayMute } from "../pure/roles.js";
import { isEmoji } from "../pure/message.js";
import { errorText } from "../problems.js";
import type { Session } from "../session.js";
import { format, t } from "../texts/index.js";
import { Icon } from "../ui/icons.js";
import { Menu, type MenuGroup } from "../ui/menu.js";
import { Markdown } from "./markdown.js";

export const REACTIONS = ["👍", "❤️", "😂", "🎉", "😮"] as const;

export function Message({ message: m, session }: { message: ChatEntry; session: Session }) {
  if (m.deleted) return <div class="message gone"><p class="message-text">{t.chat.deleted}</p></div>;
  return (
    <div class={`message ${m.status}${isEmoji(m.text) ? " emoji" : ""}`}>
      {m.reply === null ? null : <Answered seq={m.reply} session={session} />}
      <Markdown text={m.text} />
      {m.edited === null ? null : <span class="message-note" title={format.clock(m.edited)}>{t.chat.edited}</span>}
      {m.status === "failed" ? <Failed message={m} session={session} /> : null}
      {m.reactions.length === 0 ? null : <Reactions message={m} session={session} />}
      {m.seq === null ? null : <Menu icon="more" size={18} floats class="quiet message-menu" label={t.chat.actions(m.own ? t.call.you : m.name)} groups={actions(m, session)} />}
    </div>
  );
}

function Failed({ message: m, session }: { message: ChatEntry; session: Session }) {
  return (
    <p class="message-failed">
      {t.chat.failed} {m.error === null ? "" : errorText(m.error).title}{" "}
      <button type="button" class="link" onClick={() => session.call.chat.retry(m.id)}>{t.chat.retry}</button>
    </p>
  );
}

/** The message that this one answers, in a line; it may be older than what is here. */
function Answered({ seq, session }: { seq: number; session: Session }) {
  const m = session.chat.value.find((c) => c.seq === seq);
  return (
    <p class="answered">
      <Icon name="reply" size={14} />
      {m === undefined ? t.chat.olderMessage : <><b>{m.own ? t.call.you : m.name}</b> <span>{m.deleted ? t.chat.deleted : m.text}</span></>}
    </p>
  );
}

function Reactions({ message: m, session }: { message: ChatEntry; session: Session }) {
  const state = session.state.value;
  const self = state.self?.id ?? "";
  const nameOf = (id: string) => (id === self ? t.call.you : state.people.find((p) => p.id === id)?.name ?? t.chat.somebody);
  return (
    <p class="reactions">
      {m.reactions.map((r) => {
        const mine = r.from.includes(self);
        return (
          <button
            key={r.emoji} type="button" class={`reaction${mine ? " mine" : ""}`} aria-pressed={mine} title={r.from.map(nameOf).join(", ")}
            aria-label={t.chat.reaction(r.emoji, r.from.length)} onClick={() => m.seq !== null && session.call.chat.react(m.seq, r.emoji, !mine)}
          >
            {r.emoji} {r.from.length}
          </button>
        );
      })}
    </p>
  );
}

function actions(m: ChatEntry, session: Session): MenuGroup[] {
  const { self, people } = session.state.peek();
  const seq = m.seq ?? 0;
  const author = people.find((p) => p.id === m.from);
  const mayDelete = m.own || (author === undefined ? atLeast(self?.role, "moderator") : mayMute(self?.role, author.role));
  const toggle = (emoji: string) => () => session.call.chat.react(seq, emoji, !(m.reactions.find((r) => r.emoji === emoji)?.from.includes(self?.id ?? "") ?? false));
  const groups: MenuGroup[] = [
    { title: t.chat.react, row: true, items: REACTIONS.map((emoji) => ({ key: emoji, label: emoji, name: t.emoji[emoji], onSelect: toggle(emoji) })) },
    { items: [{ key: "reply", label: t.chat.reply, icon: "reply", onSelect: () => session.write({ reply: m }) }] },
  ];
  const last = groups[1]?.items ?? [];
  if (!m.own && author !== undefined) last.push({ key: "direct", label: t.chat.direct(m.name), icon: "chat", onSelect: () => session.write({ to: m.from }) });
  if (m.own) last.push({ key: "edit", label: t.chat.edit, icon: "edit", onSelect: () => session.write({ edit: m }) });
  if (mayDelete) last.push({ key: "delete", label: t.chat.delete, icon: "bin", danger: true, onSelect: () => session.call.chat.delete(seq) });
  return groups;
}
