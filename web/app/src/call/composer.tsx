// Where one writes: a new message, an answer, a change of one's last, to all or to one person.

import { MaxChat } from "@confab/sdk";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { IconButton } from "../ui/button.js";
import { Icon } from "../ui/icons.js";

export function Composer({ session }: { session: Session }) {
  const draft = session.draft.value;
  const { text, edit, reply, to } = draft;
  const field = useRef<HTMLTextAreaElement>(null);
  const length = [...text].length;
  const people = session.state.value.people.filter((p) => p.kind === "person");
  const addressee = people.some((p) => p.id === to) ? to : null;
  const waiting = session.connection.value.signaling !== "connected";

  useLayoutEffect(() => {
    const f = field.current;
    if (!f) return;
    f.style.setProperty("height", "auto");
    f.style.setProperty("height", `${Math.min(f.scrollHeight + 2, 140)}px`);
  }, [text]);
  // Who chose to answer, to change or to write to somebody goes on by writing.
  useEffect(() => field.current?.focus({ preventScroll: true }), [edit, reply, to]);

  const send = () => {
    if (text.trim() === "" || length > MaxChat) return;
    session.sendDraft();
    field.current?.focus();
  };
  const about = edit ?? reply;
  return (
    <form class="composer" onSubmit={(e) => { e.preventDefault(); send(); }}>
      {waiting ? <p class="composer-note">{t.chat.offline}</p> : null}
      {about === null ? null : (
        <p class="composer-about">
          <Icon name={edit === null ? "reply" : "edit"} size={16} />
          <span>{edit === null ? t.chat.replyTo(about.own ? t.call.you : about.name) : t.chat.editing}</span>
          <IconButton icon="close" size={16} class="quiet small" tip="" label={t.chat.cancel} onClick={() => session.write({})} />
        </p>
      )}
      {people.length === 0 || edit !== null ? null : (
        <label class="composer-to">
          <span>{t.chat.to}</span>
          <select value={addressee ?? ""} onChange={(e) => session.write({ ...draft, to: e.currentTarget.value || null })}>
            <option value="">{t.chat.everybody}</option>
            {people.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}
          </select>
        </label>
      )}
      <textarea
        ref={field} class="input" rows={1} value={text} placeholder={addressee === null ? t.chat.placeholder : t.chat.placeholderDirect} aria-label={t.chat.label}
        dir="auto" enterkeyhint="send" aria-invalid={length > MaxChat} onInput={(e) => session.typed(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
            e.preventDefault();
            send();
          } else if (e.key === "Escape" && about !== null) {
            e.preventDefault();
            e.stopPropagation();
            session.write({});
          } else if (e.key === "ArrowUp" && text === "" && session.editLast()) {
            e.preventDefault();
          }
        }}
      />
      <button type="submit" class="icon-button primary" aria-label={edit === null ? t.chat.send : t.chat.save} disabled={text.trim() === "" || length > MaxChat}>
        <Icon name={edit === null ? "send" : "check"} size={20} />
      </button>
      {length > MaxChat ? <p class="hint problem" role="alert">{t.chat.tooLong(MaxChat)}</p> : null}
    </form>
  );
}
