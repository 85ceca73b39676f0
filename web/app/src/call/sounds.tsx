// Everybody's sound, one element per stream for as long as the person is here: whoever is out of sight is still heard.

import type { PersonState } from "@confab/sdk";
import { useEffect, useRef } from "preact/hooks";
import { prefs } from "../prefs.js";
import type { Session } from "../session.js";

export function Sounds({ session }: { session: Session }) {
  const people = session.state.value.people;
  return (
    <div hidden>
      {people.flatMap((p: PersonState) => [
        <Sound key={`${p.id}:microphone`} session={session} stream={p.streams.microphone} />,
        <Sound key={`${p.id}:screen`} session={session} stream={p.streams.screen} />,
      ])}
    </div>
  );
}

function Sound({ session, stream }: { session: Session; stream: MediaStream | null }) {
  const ref = useRef<HTMLAudioElement>(null);
  const speaker = prefs.value.speaker;
  const blocked = session.soundBlocked.value;
  useEffect(() => {
    const audio = ref.current;
    if (!audio) return;
    if (audio.srcObject !== stream) audio.srcObject = stream;
    if (!stream || blocked) return;
    const start = () => {
      audio.play().catch((cause: unknown) => {
        if (cause instanceof DOMException && cause.name === "NotAllowedError") session.soundBlocked.value = true;
      });
    };
    start();
    // A shared screen's sound may begin after its picture.
    stream.addEventListener("addtrack", start);
    return () => stream.removeEventListener("addtrack", start);
  }, [stream, blocked]);
  useEffect(() => {
    // An unplugged speaker is no fault: the browser goes on with its own choice.
    void ref.current?.setSinkId?.(speaker).catch(() => undefined);
  }, [speaker]);
  return <audio ref={ref} autoplay />;
}
