// The connection line: one quiet line that tells the truth.

import { useEffect, useState } from "preact/hooks";
import { line } from "../pure/line.js";
import type { Session } from "../session.js";
import { format, t } from "../texts/index.js";

export function ConnectionLine({ session }: { session: Session }) {
  const connection = session.connection.value;
  const online = useOnline();
  const settled = connection.signaling === "connected" && online;
  const now = useNow(settled ? 0 : 500);
  const l = line(connection, session.others.value, session.talk.value.waiting, online, now, t.connection, format);
  return (
    <p class={`line ${l.tone}`}>
      {session.recording.value ? <span class="recording">{t.room.recording}</span> : null}
      <span class={`dot ${l.tone === "good" ? "good" : l.tone === "busy" ? "weak" : "lost"}`} />
      <span>{l.text}</span>
    </p>
  );
}

/** The time, again every so many milliseconds; 0 means only when something else draws. */
function useNow(every: number): number {
  const [, tick] = useState(0);
  useEffect(() => {
    if (every === 0) return;
    const timer = setInterval(() => tick((n) => n + 1), every);
    return () => clearInterval(timer);
  }, [every]);
  return Date.now();
}

function useOnline(): boolean {
  const [online, set] = useState(navigator.onLine);
  useEffect(() => {
    const ask = () => set(navigator.onLine);
    addEventListener("online", ask);
    addEventListener("offline", ask);
    return () => {
      removeEventListener("online", ask);
      removeEventListener("offline", ask);
    };
  }, []);
  return online;
}
