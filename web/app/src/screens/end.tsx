// After the call, and instead of it: each page says what happened and has the button that helps.

import { ConfabError } from "@confab/sdk";
import { errorText } from "../problems.js";
import { format, t } from "../texts/index.js";
import { NoticePage } from "../ui/parts.js";

export function Ended({ lasted, onRejoin }: { lasted: number; onRejoin: () => void }) {
  return (
    <NoticePage
      title={t.ended.title}
      actions={<>
        <button type="button" class="button primary large" autofocus onClick={onRejoin}>{t.ended.rejoin}</button>
        <a class="button large" href="/">{t.ended.home}</a>
      </>}
    >
      <p>{t.ended.lasted(format.duration(lasted))}</p>
    </NoticePage>
  );
}

/** Codes where trying the same again cannot help. */
const final = new Set<string>(["unauthorized", "forbidden", "origin", "unsupported-browser", "sfu-off", "banned"]);

export function Failed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const text = errorText(error);
  const known = error instanceof ConfabError;
  return (
    <NoticePage
      title={text.title}
      actions={<>
        {known && final.has(error.code) ? null : (
          <button type="button" class="button primary large" autofocus onClick={onRetry}>{t.errors.again}</button>
        )}
        <a class="button large" href="/">{t.errors.home}</a>
      </>}
    >
      <p role="alert">{text.advice}</p>
      {known ? <p class="code">{error.code}</p> : null}
    </NoticePage>
  );
}
