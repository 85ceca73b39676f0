// The page /send: give something and get a link to it, or receive what somebody's link or code leads to.

import type { Item } from "@confab/sdk/files";
import { useEffect, useState } from "preact/hooks";
import type { NewCall } from "../port.js";
import { Brand } from "../ui/parts.js";
import type { Desk } from "./desk.js";
import { Choose, DropTarget, TextField } from "./give.js";
import { Rows } from "./rows.js";
import { Share } from "./share.js";
import { shared } from "./shared.js";
import { Visit } from "./visit.js";
import { words } from "./words.js";

const w = words.send;

export function SendScreen({ newCall }: { newCall: NewCall }) {
  const [visit] = useState(() => new Visit(newCall));
  useEffect(() => {
    document.title = words.title;
    // What the system's share sheet gave us.
    void shared().then((items) => visit.give(items));
    return () => visit.close();
  }, []);
  const give = (items: Item[]) => void visit.give(items);
  const desk = visit.desk.value;
  const receiving = visit.place.value.is === "receive";
  const busy = visit.own.value !== null || desk?.preparing.value != null;
  return (
    <div class="shell">
      <header class="top"><Brand /></header>
      <main class="page send">
        <h1>{receiving ? words.receive.heading : w.heading}</h1>
        {receiving || busy ? null : <p class="lead">{w.lead}</p>}
        {receiving ? <Receiving visit={visit} /> : <Share visit={visit} />}
        <p class="hint problem" role="alert">{visit.problem.value || desk?.problem.value || ""}</p>
        {desk === null ? null : <Preparing desk={desk} />}
        {desk === null ? null : <Rows desk={desk} />}
        {receiving ? null : (
          <section class={busy ? "give small" : "give"} aria-label={words.title}>
            {busy ? <h2>{w.more}</h2> : <p class="give-here">{w.drop}<small>{w.or}</small></p>}
            <Choose onItems={give} primary={!busy} />
            <TextField onItems={give} />
          </section>
        )}
        {receiving || busy ? null : <Enter visit={visit} />}
        <DropTarget onItems={give} />
        <div class="unseen" aria-live="polite">{desk?.said.value ?? ""}</div>
      </main>
    </div>
  );
}

export function Preparing({ desk }: { desk: Desk }) {
  const p = desk.preparing.value;
  if (p === null) return null;
  return (
    <div class="transfer" role="status">
      <div class="transfer-head"><div class="transfer-name"><b>{w.reading(p.name)}</b><small>{w.readingWhy}</small></div></div>
      <progress max={Math.max(1, p.total)} value={p.done} aria-label={w.reading(p.name)} />
      <div class="transfer-acts"><button type="button" class="button" onClick={() => desk.stopPreparing()}>{w.stop}</button></div>
    </div>
  );
}

/** What a receiver is told before there is an offer. */
function Receiving({ visit }: { visit: Visit }) {
  const desk = visit.desk.value;
  if (desk === null && visit.call.value === null && visit.problem.value === "") {
    return <><p class="lead">{words.receive.need}</p><Enter visit={visit} /></>;
  }
  if (desk !== null && desk.rows.value.length > 0) return null;
  const people = visit.call.value?.people.length ?? 0;
  return <p class="lead" role="status">{desk !== null && people === 0 ? words.receive.nobody : words.receive.connecting}</p>;
}

function Enter({ visit }: { visit: Visit }) {
  const [text, setText] = useState("");
  const [bad, setBad] = useState(false);
  const submit = (e: SubmitEvent) => {
    e.preventDefault();
    setBad(!visit.enter(text));
  };
  return (
    <form class="enter" onSubmit={submit} noValidate>
      <label for="code">{w.codeLabel}</label>
      <div class="entry">
        <input id="code" class="input" type="text" autocomplete="off" autocapitalize="none" spellcheck={false} maxLength={2048} value={text}
          aria-invalid={bad} aria-describedby="code-hint" onInput={(e) => { setText(e.currentTarget.value); setBad(false); }} />
        <button type="submit" class="button">{w.receive}</button>
      </div>
      <p id="code-hint" class={bad ? "hint problem" : "hint"} role={bad ? "alert" : undefined}>{bad ? w.codeBad : w.codeHint}</p>
    </form>
  );
}
