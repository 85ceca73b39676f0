// A link that lets people in: as what, how long, how many.

import type { Role } from "@confab/sdk";
import { useState } from "preact/hooks";
import { givable } from "../pure/roles.js";
import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { CopyButton } from "../ui/parts.js";

/** Seconds that a link is good for. */
const LIVES = [3600, 86_400, 7 * 86_400, 30 * 86_400] as const;
const USES = [1, 10, 100, 0] as const;

export function InviteDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const [role, setRole] = useState<Role>("member");
  const [seconds, setSeconds] = useState<number>(86_400);
  const [uses, setUses] = useState<number>(1);
  const [link, setLink] = useState("");
  const changed = (f: () => void) => {
    setLink("");
    f();
  };
  const make = async () => {
    try {
      setLink(session.linkWith((await session.call.room.invite(role, seconds, uses)).token));
    } catch (cause) {
      session.refused(cause);
    }
  };
  return (
    <Dialog title={t.invite.title} onClose={onClose}>
      <Choice label={t.invite.role} value={role} options={givable(session.state.value.self?.role).map((r) => [r, t.people.roles[r]])} onChange={(v) => changed(() => setRole(v as Role))} />
      <Choice label={t.invite.life} value={String(seconds)} options={LIVES.map((s) => [String(s), t.invite.lives(s)])} onChange={(v) => changed(() => setSeconds(Number(v)))} />
      <Choice label={t.invite.uses} value={String(uses)} options={USES.map((n) => [String(n), t.invite.people(n)])} onChange={(v) => changed(() => setUses(Number(v)))} />
      {link === "" ? <button type="button" class="button primary wide" onClick={() => void make()}>{t.invite.make}</button> : (
        <>
          <p class="invite" role="status">{link.replace(/^https?:\/\//, "")}</p>
          <CopyButton class="primary wide" text={link} label={t.invite.copy} done={t.call.copied} />
        </>
      )}
    </Dialog>
  );
}

function Choice({ label, value, options, onChange }: { label: string; value: string; options: [string, string][]; onChange: (v: string) => void }) {
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      <span class="select">
        <select value={value} onChange={(e) => onChange(e.currentTarget.value)}>
          {options.map(([v, text]) => <option key={v} value={v}>{text}</option>)}
        </select>
        <Icon name="chevronUp" size={18} />
      </span>
    </label>
  );
}
