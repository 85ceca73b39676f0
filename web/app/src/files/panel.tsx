// Files in a call: rows in the side panel, a drop target over the page, and to whom things go.

import type { CallPort } from "../port.js";
import { signal } from "@preact/signals";
import type { Item } from "@confab/sdk/files";
import { Desk } from "./desk.js";
import { Choose, TextField } from "./give.js";
import { Rows } from "./rows.js";
import { Preparing } from "./send.js";
import { words } from "./words.js";

const w = words.panel;

/** The files of one call, from the first need to its end. */
export class CallFiles {
  readonly desk: Desk;
  /** Participant id; "" is everybody who is here now. */
  readonly to = signal("");

  constructor(readonly call: CallPort, onOffer: () => void) {
    // People in a call see each other: the server introduces them, and the security number is there to compare.
    this.desk = new Desk(call.transfers, () => ({ open: true }));
    this.desk.files.addEventListener("offer", onOffer);
  }

  send(items: readonly Item[]): void {
    const to = this.to.peek();
    const people = this.call.state.people.filter((p) => p.kind === "person").map((p) => p.id);
    if (people.length === 0) this.desk.problem.value = w.nobody;
    else void this.desk.send(items, to === "" ? people : [to]);
  }

  close(): void {
    this.desk.close();
  }
}

export function FilesPanel({ files, people }: { files: CallFiles; people: readonly { id: string; name: string }[] }) {
  const { desk, to } = files;
  const send = (items: Item[]) => files.send(items);
  return (
    <div class="panel-files" tabIndex={0} role="region" aria-label={w.title}>
      <Preparing desk={desk} />
      <Rows desk={desk} />
      {desk.rows.value.length === 0 ? <p class="empty">{w.empty}</p> : null}
      <p class="hint problem" role="alert">{desk.problem.value}</p>
      <label class="field">
        <span class="field-label">{w.to}</span>
        <select class="input" value={to.value} onChange={(e) => (to.value = e.currentTarget.value)}>
          <option value="">{w.everybody}</option>
          {people.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}
        </select>
      </label>
      <Choose onItems={send} primary={false} />
      <TextField onItems={send} />
      <div class="unseen" aria-live="polite">{desk.said.value}</div>
    </div>
  );
}
