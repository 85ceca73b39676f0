// Which page of people is shown, when not all fit. It stands in the head of the call, where it covers nobody.

import type { Session } from "../session.js";
import { t } from "../texts/index.js";
import { IconButton } from "../ui/button.js";

export function Pager({ session }: { session: Session }) {
  const page = session.page.value;
  const pages = session.pages.value;
  if (pages < 2) return null;
  const turn = (by: number) => () => (session.page.value = page + by);
  return (
    <nav class="pager" aria-label={t.call.pageOf(page + 1, pages)}>
      <IconButton icon="chevronLeft" class="quiet" tip="" label={t.call.previous} disabled={page === 0} onClick={turn(-1)} />
      <span aria-live="polite">{page + 1} / {pages}</span>
      <IconButton icon="chevronRight" class="quiet" tip="" label={t.call.next} disabled={page === pages - 1} onClick={turn(1)} />
    </nav>
  );
}
