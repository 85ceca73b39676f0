// Emoji that somebody shows to all for a moment. They rise at the edge of the stage and are gone; screen readers are told.

import type { Session } from "../session.js";

export function Emotes({ session }: { session: Session }) {
  return (
    <div class="emotes" aria-hidden="true">
      {session.emotes.value.map((e) => <span key={e.id} class="emote"><span class="emote-sign">{e.emoji}</span><small>{e.name}</small></span>)}
    </div>
  );
}
