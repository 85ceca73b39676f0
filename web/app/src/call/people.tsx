// Who is here, what they send, and how they are connected; for moderators also who knocks, and what can be done about whom.

import type { KnockState, PersonState } from "@confab/sdk";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { quality } from "../pure/line.js";
import { atLeast, givable, mayMute, mayRemove } from "../pure/roles.js";
import { Icon, type IconName } from "../ui/icons.js";
import { Menu, type MenuGroup, type MenuItem } from "../ui/menu.js";
import { Avatar, CopyButton } from "../ui/parts.js";
import { linkText } from "./tile.js";

/** Seconds that a ban lasts. */
const BANS = [600, 86_400, 30 * 86_400] as const;

export function People({ session }: { session: Session }) {
  const { self, people, lobby } = session.state.value;
  const all = self ? [self, ...people] : people;
  // Raised hands first, in the order people are in: who leads sees whose turn it is.
  const sorted = [...all].sort((a, b) => Number(b.hand) - Number(a.hand));
  const keeper = atLeast(self?.role, "moderator");
  return (
    <>
      {lobby.knocks.length === 0 ? null : (
        <section class="knocks" aria-label={t.lobby.knocks}>
          <h3>{t.lobby.knocks}</h3>
          <ul>{lobby.knocks.map((k) => <Knock key={k.id} knock={k} session={session} />)}</ul>
          {lobby.more > 0 ? <p class="hint">{t.lobby.more(lobby.more)}</p> : null}
          {lobby.knocks.length > 1 ? <button type="button" class="button wide" onClick={() => session.call.room.admit("", true)}>{t.lobby.admitAll}</button> : null}
        </section>
      )}
      <p class="panel-note">{t.people.here(all.length)}</p>
      <ul class="people" tabIndex={0} aria-label={t.people.title}>
        {sorted.map((p) => <Person key={p.id} person={p} own={p === self} session={session} />)}
      </ul>
      <div class="panel-foot">
        <CopyButton text={session.invite} label={t.people.invite} done={t.call.copied} class="wide" />
        {keeper ? (
          <div class="panel-row">
            <button type="button" class="button" onClick={() => (session.dialog.value = "invite")}><Icon name="link" size={18} />{t.people.invites}</button>
            <button type="button" class="button" onClick={() => (session.dialog.value = "room")}><Icon name="door" size={18} />{t.people.room}</button>
          </div>
        ) : null}
      </div>
    </>
  );
}

function Knock({ knock, session }: { knock: KnockState; session: Session }) {
  return (
    <li class="person">
      <Avatar name={knock.name} />
      <span class="person-name"><span>{knock.name}</span>{knock.verified ? <small>{t.people.verified}</small> : null}</span>
      <button type="button" class="button primary" aria-label={t.lobby.admitOne(knock.name)} onClick={() => session.call.room.admit(knock.id, true)}>{t.lobby.admit}</button>
      <button type="button" class="button" aria-label={t.lobby.refuseOne(knock.name)} onClick={() => session.call.room.admit(knock.id, false)}>{t.lobby.refuse}</button>
    </li>
  );
}

function Person({ person, own, session }: { person: PersonState; own: boolean; session: Session }) {
  const note = own ? t.people.you : !person.online ? t.people.away : person.kind === "ingest" ? t.people.ingest : linkText(person);
  const role = person.role === "member" ? "" : t.people.roles[person.role];
  const groups = own ? [] : acts(person, session);
  return (
    <li class="person">
      <Avatar name={person.name} />
      <span class="person-name">
        <span>{person.name}{person.verified ? <Icon name="check" size={14} /> : null}</span>
        <small>{own || !person.online ? null : <span class={`dot ${quality(person.online, person.link)}`} />}{[note, role].filter((s) => s !== "").join(" · ")}</small>
      </span>
      {person.hand ? <Sign icon="hand" text={t.people.hand} class="raised" /> : null}
      {person.screen ? <Sign icon="screen" text={t.people.sharing} /> : null}
      {person.camera ? null : <Sign icon="cameraOff" text={person.blocked.includes("camera") ? t.people.cameraHeld : t.people.cameraOff} />}
      {person.microphone ? null : <Sign icon="microphoneOff" text={person.blocked.includes("microphone") ? t.people.microphoneHeld : t.people.microphoneOff} />}
      {groups.length === 0 ? null : <Menu icon="more" size={20} floats class="quiet" label={t.people.actions(person.name)} groups={groups} />}
    </li>
  );
}

/** What can be done about somebody else. */
function acts(p: PersonState, session: Session): MenuGroup[] {
  const own = session.state.peek().self?.role;
  const { room } = session.call;
  const item = (key: string, label: string, act: () => Promise<void>, danger = false): MenuItem => ({ key, label, danger, onSelect: () => session.order(act()) });
  const groups: MenuGroup[] = [];
  if (p.kind === "person") groups.push({ items: [{ key: "direct", label: t.chat.direct(p.name), icon: "chat", onSelect: () => session.write({ to: p.id }) }] });
  if (mayMute(own, p.role)) {
    const items: MenuItem[] = [];
    if (p.microphone) items.push(item("mute", t.people.mute, () => room.mute(p.id, ["microphone"])));
    if (p.camera) items.push(item("video", t.people.stopVideo, () => room.mute(p.id, ["camera"])));
    if (p.screen) items.push(item("screen", t.people.stopScreen, () => room.mute(p.id, ["screen", "screen-audio"])));
    if (p.blocked.length === 0) items.push(item("hold", t.people.holdAll, () => room.mute(p.id, ["microphone", "camera", "screen", "screen-audio"], true)));
    else items.push(item("allow", t.people.allow, () => room.allow(p.id, p.blocked)));
    groups.push({ items });
  }
  if (p.kind === "person" && mayRemove(own, p.role)) {
    groups.push({
      title: t.people.role,
      items: givable(own).map((r) => ({ key: r, label: t.people.roles[r], checked: p.role === r, onSelect: () => session.order(room.setRole(p.id, r)) })),
    });
  }
  if (mayRemove(own, p.role)) {
    groups.push({
      items: [
        item("remove", t.people.remove, () => room.remove(p.id), true),
        ...BANS.map((s) => item(`ban${s}`, t.people.ban(s), () => room.remove(p.id, s), true)),
      ],
    });
  }
  return groups;
}

function Sign({ icon, text, class: name }: { icon: IconName; text: string; class?: string }) {
  return <span class={`sign ${name ?? ""}`} role="img" aria-label={text} title={text}><Icon name={icon} size={18} /></span>;
}
