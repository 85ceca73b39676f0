// How the other side gets here: a link, its QR code, and a short code to say.

import { useEffect, useRef } from "preact/hooks";
import { CopyButton } from "../ui/parts.js";
import { Icon } from "../ui/icons.js";
import type { Visit } from "./visit.js";
import { words } from "./words.js";

const w = words.share;

export function Share({ visit }: { visit: Visit }) {
  const own = visit.own.value;
  if (own === null) return null;
  const people = visit.call.value?.people.length ?? 0;
  const share = { title: words.title, url: visit.link };
  return (
    <section class="share" aria-labelledby="share">
      <div>
        <h2 id="share">{people === 0 ? w.heading : w.joined(people)}</h2>
        <p class="hint">{w.text}</p>
        <label class="field">
          <span class="field-label">{w.link}</span>
          <input class="input" type="text" readOnly value={visit.link} onFocus={(e) => e.currentTarget.select()} />
        </label>
        <div class="transfer-acts">
          <CopyButton class="primary" text={visit.link} label={w.copy} done={w.copied} />
          {navigator.canShare?.(share) ? (
            <button type="button" class="button" onClick={() => void navigator.share(share).catch(() => undefined)}><Icon name="send" size={18} />{w.share}</button>
          ) : null}
        </div>
        {visit.desk.value?.spent.value ? <p class="hint problem" role="alert">{w.spent}</p> : <p class="code-line">{w.code} <code class="drop-code">{own.code}</code></p>}
        <p class="hint">{w.anyone}</p>
      </div>
      <QR text={visit.link} />
    </section>
  );
}

/** Drawn on a canvas: the encoder is loaded when there is a link to show. Always dark on light, as cameras want it. */
function QR({ text }: { text: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let over = false;
    void import("qr").then(({ default: encode }) => {
      const canvas = ref.current;
      if (over || canvas === null) return;
      const rows = encode(text, "raw", { ecc: "medium", border: 3 });
      const SCALE = 6;
      [canvas.width, canvas.height] = [rows.length * SCALE, rows.length * SCALE];
      const c = canvas.getContext("2d");
      if (c === null) return;
      c.fillStyle = "#fff";
      c.fillRect(0, 0, canvas.width, canvas.height);
      c.fillStyle = "#000";
      rows.forEach((row, y) => row.forEach((on, x) => on && c.fillRect(x * SCALE, y * SCALE, SCALE, SCALE)));
    }, () => undefined);
    return () => {
      over = true;
    };
  }, [text]);
  return <canvas class="qr" ref={ref} role="img" aria-label={w.qr} />;
}
