// One transfer as a row: what, with whom, how far, which way, and what can be done about it.

import { over, type Entry, type TransferState } from "@confab/sdk/files";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../ui/icons.js";
import { CopyButton } from "../ui/parts.js";
import type { Desk } from "./desk.js";
import { canPickFolder, pickFolder } from "./save.js";
import { words } from "./words.js";

const w = words.row;
/** Files that a list shows before it says how many more there are. */
const SHOWN = 100;

export function Rows({ desk }: { desk: Desk }) {
  const rows = desk.rows.value;
  if (rows.length === 0) return null;
  // What asks for an answer first, then what moves, then what is over.
  const rank = (r: TransferState) => (r.phase === "offered" && r.direction === "in" ? 0 : over(r.phase) ? 2 : 1);
  const sorted = [...rows].sort((a, b) => rank(a) - rank(b));
  return <ul class="transfers">{sorted.map((r) => <Row key={r.id} row={r} desk={desk} />)}</ul>;
}

function Row({ row, desk }: { row: TransferState; desk: Desk }) {
  const { files } = desk;
  const asked = row.direction === "in" && row.phase === "offered";
  const going = !over(row.phase) && row.phase !== "offered" && row.phase !== "connecting";
  const name = title(row);
  const note = words.phase(row);
  return (
    <li class={`transfer ${row.phase}`} data-phase={row.phase}>
      <div class="transfer-head">
        {row.preview === "" ? <span class="transfer-icon"><Icon name={row.entries.length > 1 ? "folder" : "file"} size={24} /></span> : <img class="transfer-icon" src={row.preview} alt="" />}
        <div class="transfer-name">
          <b>{name}</b>
          <small>
            {row.direction === "in" ? w.from(row.peer.name) : w.to(row.peer.name)} · {words.size(row.total)}
            {row.entries.length > 1 ? ` · ${words.files(row.entries.length)}` : ""}
          </small>
        </div>
        {row.phase === "done" ? <span class="verified"><Icon name="check" size={18} />{w.verified}</span> : null}
      </div>
      {row.entries.map((e, i) => (e.inline !== undefined && (asked || row.phase === "done") ? <Text key={i} entry={e} /> : null))}
      {going ? <progress max={Math.max(1, row.total)} value={row.bytes} aria-label={w.progress(name)} /> : null}
      {going ? (
        <p class="transfer-line">
          <span>{words.percent(row.total === 0 ? 1 : row.bytes / row.total)} · {words.of(row.bytes, row.total)}</span>
          {row.phase === "going" && row.speed > 0 ? <span>{words.speed(row.speed)}</span> : null}
          {row.phase === "going" && row.left !== null ? <span>{words.left(row.left)}</span> : null}
        </p>
      ) : null}
      {note === "" ? null : <p class={`transfer-line${row.phase === "failed" ? " problem" : ""}`} role={row.phase === "failed" ? "alert" : undefined}>{note}</p>}
      {row.phase !== "failed" && row.error !== null ? <p class="transfer-line problem">{words.codes[row.error.code]}</p> : null}
      {going && row.route !== null ? <p class="transfer-line" title={words.why(row.route)}><span class={`dot ${row.route.kind === "relayed" ? "weak" : ""}`} />{words.route(row.route)}<span class="unseen">{words.why(row.route)}</span></p> : null}
      {row.entries.length > 1 ? <List row={row} /> : null}
      {row.spoken !== "" && !over(row.phase) ? (
        <details class="spoken">
          <summary>{w.spoken(row.spoken)}</summary>
          <p>{w.spokenWhy} {row.proven ? w.proven : w.open_}</p>
        </details>
      ) : null}
      <div class="transfer-acts">
        {asked ? <button type="button" class="button primary" onClick={() => void desk.accept(row.id)}>{w.accept}</button> : null}
        {asked && canPickFolder ? (
          <button type="button" class="button" onClick={() => void pickFolder().then((f) => f && desk.accept(row.id, f), (c: unknown) => desk.fault(c))}>{w.acceptInto}</button>
        ) : null}
        {asked ? <button type="button" class="button" onClick={() => files.decline(row.id)}>{w.decline}</button> : null}
        {going && row.phase !== "starting" ? (
          <button type="button" class="button" aria-label={w.of(row.pausedBy === "us" ? w.continue : w.pause, name)} onClick={() => files.pause(row.id, row.pausedBy !== "us")}>
            <Icon name={row.pausedBy === "us" ? "play" : "pause"} size={18} />{row.pausedBy === "us" ? w.continue : w.pause}
          </button>
        ) : null}
        {!over(row.phase) && !asked ? (
          <button type="button" class="button" aria-label={w.of(w.cancel, name)} onClick={() => files.cancel(row.id)}><Icon name="close" size={18} />{w.cancel}</button>
        ) : null}
        {row.phase === "done" && row.direction === "in" && row.entries.some((e) => e.inline === undefined) ? <Saving row={row} desk={desk} /> : null}
      </div>
    </li>
  );
}

function title(row: TransferState): string {
  const only = row.entries.length === 1 ? row.entries[0] : undefined;
  if (only === undefined) return row.name || words.files(row.entries.length);
  return only.inline === undefined ? only.path : (only.inline.trim().split("\n")[0]?.slice(0, 80) ?? only.path);
}

function Text({ entry }: { entry: Entry }) {
  const text = entry.inline ?? "";
  const link = /^https?:\/\/\S+$/.test(text.trim()) && URL.canParse(text.trim()) ? text.trim() : null;
  return (
    <div class="transfer-text">
      {link === null ? <pre tabIndex={0}>{text}</pre> : <a href={link} rel="noopener noreferrer nofollow" target="_blank">{link}</a>}
      <CopyButton text={text} label={w.copy} done={w.copied} />
    </div>
  );
}

function Saving({ row, desk }: { row: TransferState; desk: Desk }) {
  return (
    <>
      <button type="button" class="button primary" onClick={() => void desk.save(row)}><Icon name="download" size={18} />{row.entries.length > 1 ? w.saveZip : w.save}</button>
      {canPickFolder ? (
        <button type="button" class="button" onClick={() => void pickFolder().then((f) => f && desk.save(row, f), (c: unknown) => desk.fault(c))}>{w.saveInto}</button>
      ) : null}
      {row.entries.length === 1 ? <Open row={row} desk={desk} /> : null}
    </>
  );
}

/** Pictures, sound and films can be looked at where they are; anything else is not opened on our own origin. */
function Open({ row, desk }: { row: TransferState; desk: Desk }) {
  const [link, setLink] = useState("");
  const type = row.entries[0]?.type ?? "";
  const shown = /^(image\/(jpeg|png|webp|gif|avif)|audio\/|video\/)/.test(type);
  useEffect(() => {
    if (!shown) return;
    let url = "";
    let over = false;
    void desk.files.file(row.id, 0).then((b) => {
      if (over) return;
      url = URL.createObjectURL(b);
      setLink(url);
    }, () => undefined);
    return () => {
      over = true;
      URL.revokeObjectURL(url);
    };
  }, [row.id, shown]);
  return link === "" ? null : <a class="button" href={link} target="_blank" rel="noopener">{w.open}</a>;
}

function List({ row }: { row: TransferState }) {
  return (
    <details class="transfer-list">
      <summary>{w.all(row.entries.length)}</summary>
      <ul>
        {row.entries.slice(0, SHOWN).map((e, i) => {
          const f = row.files[i];
          const part = f === undefined || f.state !== "waiting" ? 0 : f.bytes / Math.max(1, e.size);
          return (
            <li key={e.path}>
              <span>{e.path}</span>
              <small>{words.size(e.size)} · {part > 0 ? words.percent(part) : w.file[f?.state ?? "waiting"]}{f?.state === "verified" ? " ✓" : ""}</small>
            </li>
          );
        })}
      </ul>
      {row.entries.length > SHOWN ? <p class="hint">{w.some(row.entries.length - SHOWN)}</p> : null}
    </details>
  );
}
