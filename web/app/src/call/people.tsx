// Who is here, what they send, and how they are connected.

import type { PersonState } from "@confab/sdk";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { quality } from "../pure/line.js";
import { Icon, type IconName } from "../ui/icons.js";
import { Avatar, CopyButton } from "../ui/parts.js";
import { linkText } from "./tile.js";

export function People({ session }: { session: Session }) {
  const { self, people } = session.state.value;
  const all = self ? [self, ...people] : people;
  // Raised hands first, in the order people are in: who leads sees whose turn it is.
  const sorted = [...all].sort((a, b) => Number(b.hand) - Number(a.hand));
  return (
    <>
      <p class="panel-note">{t.people.here(all.length)}</p>
      <ul class="people" tabIndex={0} aria-label={t.people.title}>
        {sorted.map((p) => <Person key={p.id} person={p} own={p === self} />)}
      </ul>
      <div class="panel-foot">
        <CopyButton text={session.invite} label={t.people.invite} done={t.call.copied} class="wide" />
      </div>
    </>
  );
}

function Person({ person, own }: { person: PersonState; own: boolean }) {
  const note = own ? t.people.you : !person.online ? t.people.away : person.kind === "ingest" ? t.people.ingest : linkText(person);
  return (
    <li class="person">
      <Avatar name={person.name} />
      <span class="person-name">
        <span>{person.name}</span>
        <small>{own || !person.online ? null : <span class={`dot ${quality(person.online, person.link)}`} />}{note}</small>
      </span>
      {person.hand ? <Sign icon="hand" text={t.people.hand} class="raised" /> : null}
      {person.screen ? <Sign icon="screen" text={t.people.sharing} /> : null}
      {person.camera ? null : <Sign icon="cameraOff" text={t.people.cameraOff} />}
      {person.microphone ? null : <Sign icon="microphoneOff" text={t.people.microphoneOff} />}
    </li>
  );
}

function Sign({ icon, text, class: name }: { icon: IconName; text: string; class?: string }) {
  return <span class={`sign ${name ?? ""}`} role="img" aria-label={text} title={text}><Icon name={icon} size={18} /></span>;
}
