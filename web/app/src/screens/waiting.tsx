// In the lobby: somebody has to open the door.

import { t } from "../texts/index.js";
import { NoticePage } from "../ui/parts.js";

export function Waiting({ room, attended, onLeave }: { room: string; attended: boolean; onLeave: () => void }) {
  return (
    <NoticePage title={t.lobby.title(room)} actions={<button type="button" class="button large" onClick={onLeave}>{t.lobby.leave}</button>}>
      <p role="status">{attended ? t.lobby.attended : t.lobby.unattended}</p>
    </NoticePage>
  );
}
