// Why there is no camera or microphone, and what to do: the error, this browser's switch as a picture, a button.

import type { ConfabError } from "@confab/sdk";
import { browserKind, errorText } from "../problems.js";
import { t } from "../texts/index.js";
import { Icon } from "../ui/icons.js";

export function Guidance({ error, onRetry }: { error: ConfabError; onRetry: () => void }) {
  const text = errorText(error);
  const denied = error.code === "permission-denied";
  const kind = browserKind(navigator.userAgent);
  const hopeless = error.code === "insecure-context" || error.code === "unsupported-browser";
  return (
    <div class="guidance" role="alert">
      <h2>{text.title}</h2>
      <p>{denied ? t.guidance[kind] : text.advice}</p>
      {denied ? <AddressLine kind={kind} /> : null}
      {hopeless ? null : (
        <button type="button" class="button" onClick={onRetry}>
          <Icon name="refresh" size={18} />
          {t.join.tryAgain}
        </button>
      )}
    </div>
  );
}

/** The address line of this browser, with the place to click in a ring. */
function AddressLine({ kind }: { kind: ReturnType<typeof browserKind> }) {
  const sign = kind === "firefox" ? "cameraOff" : kind === "ios" || kind === "safari" ? null : "settings";
  return (
    <div class="address-line" role="img" aria-label={t.guidance.picture} dir="ltr">
      <span class="address-sign">{sign === null ? <b>aA</b> : <Icon name={sign} size={16} />}</span>
      <span class="address-text">{location.host}</span>
    </div>
  );
}
