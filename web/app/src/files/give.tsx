// Where a person gives what is to be sent: a target for drops on the whole page, buttons, a paste, a text.

import type { Item } from "@confab/sdk/files";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../ui/icons.js";
import { chosen, given } from "./items.js";
import { words } from "./words.js";

const w = words.send;

/** Covers the page while something is dragged over it, and takes what is dropped or pasted anywhere but in a field. */
export function DropTarget({ onItems }: { onItems: (items: Item[]) => void }) {
  const [over, setOver] = useState(false);
  const take = useRef(onItems);
  take.current = onItems;
  useEffect(() => {
    let depth = 0;
    const ears = new AbortController();
    const o = { signal: ears.signal };
    const has = (e: DragEvent) => e.dataTransfer?.types.includes("Files") === true;
    addEventListener("dragenter", (e) => { if (has(e)) { depth++; setOver(true); } }, o);
    addEventListener("dragleave", (e) => { if (has(e) && --depth <= 0) setOver(false); }, o);
    addEventListener("dragover", (e) => {
      if (!has(e)) return;
      e.preventDefault();
      setOver(true);
    }, o);
    addEventListener("drop", (e) => {
      if (!has(e) || e.dataTransfer === null) return;
      e.preventDefault();
      depth = 0;
      setOver(false);
      void given(e.dataTransfer).then((items) => take.current(items));
    }, o);
    addEventListener("paste", (e) => {
      const field = e.target instanceof Element && e.target.closest("input, textarea, [contenteditable]") !== null;
      if (field || e.clipboardData === null) return;
      void given(e.clipboardData).then((items) => items.length > 0 && take.current(items));
    }, o);
    return () => ears.abort();
  }, []);
  return over ? <div class="drop-cover" aria-hidden="true"><Icon name="file" size={48} /><p>{w.dropNow}</p></div> : null;
}

export function Choose({ onItems, primary }: { onItems: (items: Item[]) => void; primary: boolean }) {
  const file = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (input: HTMLInputElement) => {
    const items = chosen(input.files ?? []);
    input.value = "";
    if (items.length > 0) onItems(items);
  };
  useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);
  return (
    <div class="transfer-acts">
      <button type="button" class={`button large${primary ? " primary" : ""}`} onClick={() => file.current?.click()}><Icon name="file" size={20} />{w.choose}</button>
      <button type="button" class="button large" onClick={() => folder.current?.click()}><Icon name="folder" size={20} />{w.folder}</button>
      <input ref={file} class="unseen" type="file" multiple tabIndex={-1} aria-hidden="true" data-give="files" onChange={(e) => take(e.currentTarget)} />
      <input ref={folder} class="unseen" type="file" multiple tabIndex={-1} aria-hidden="true" data-give="folder" onChange={(e) => take(e.currentTarget)} />
    </div>
  );
}

export function TextField({ onItems }: { onItems: (items: Item[]) => void }) {
  const [text, setText] = useState("");
  const submit = (e: SubmitEvent) => {
    e.preventDefault();
    if (text.trim() === "") return;
    onItems([{ text }]);
    setText("");
  };
  return (
    <form class="give-text" onSubmit={submit}>
      <label for="give-text">{w.textLabel}</label>
      <textarea id="give-text" class="input" rows={2} value={text} onInput={(e) => setText(e.currentTarget.value)} />
      <button type="submit" class="button" disabled={text.trim() === ""}>{w.textGo}</button>
    </form>
  );
}
