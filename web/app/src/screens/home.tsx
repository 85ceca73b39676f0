// Home: the name of the room to open or create.

import { useRef, useState } from "preact/hooks";
import { prefs, setPrefs } from "../prefs.js";
import { readEntered, suggestRoom } from "../pure/room.js";
import { t } from "../texts/index.js";
import { Icon } from "../ui/icons.js";
import { Brand } from "../ui/parts.js";

/** Names are hard to guess only when their digits are. */
const random = () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;

export function Home({ go }: { go: (address: string) => void }) {
  const [suggested, suggest] = useState(() => suggestRoom(random));
  const [problem, setProblem] = useState("");
  const field = useRef<HTMLInputElement>(null);

  const submit = (e: SubmitEvent) => {
    e.preventDefault();
    const text = field.current?.value.trim() || suggested;
    const entered = readEntered(text, location.origin);
    if (entered.kind === "room") return go(`/r/${entered.room}${entered.search}${entered.hash}`);
    setProblem(entered.kind === "elsewhere" ? t.home.elsewhere(entered.host) : t.home.unusable);
    field.current?.focus();
  };
  const another = () => {
    suggest(suggestRoom(random));
    if (field.current) field.current.value = "";
    setProblem("");
    field.current?.focus();
  };
  const recent = prefs.value.recent;
  return (
    <div class="shell">
      <header class="top"><Brand /></header>
      <main class="page home">
        <h1>{t.home.heading}</h1>
        <p class="lead">{t.home.lead}</p>
        <form onSubmit={submit} noValidate>
          <label for="room">{t.home.label}</label>
          <div class="entry">
            <input
              id="room" ref={field} class="input" type="text" placeholder={t.home.placeholder(suggested)} autocomplete="off"
              autocapitalize="none" spellcheck={false} enterkeyhint="go" maxLength={2048} autofocus
              aria-invalid={problem !== ""} aria-describedby="room-hint" onInput={() => setProblem("")}
            />
            <button type="button" class="icon-button quiet entry-more" aria-label={t.home.suggest} title={t.home.suggest} onClick={another}>
              <Icon name="dice" size={20} />
            </button>
            <button type="submit" class="button primary large">{t.home.go}</button>
          </div>
          <p id="room-hint" class={problem === "" ? "hint" : "hint problem"} role={problem === "" ? undefined : "alert"}>{problem || t.home.hint}</p>
        </form>
        <p class="home-send">
          <a class="button" href="/send" onClick={(e) => { e.preventDefault(); go("/send"); }}><Icon name="file" size={18} />{t.home.send}</a>
        </p>
        {recent.length === 0 ? null : (
          <section class="recent" aria-labelledby="recent">
            <h2 id="recent">{t.home.recent}</h2>
            <ul>
              {recent.map((room) => (
                <li key={room}>
                  <a href={`/r/${room}`} onClick={(e) => { e.preventDefault(); go(`/r/${room}`); }}>{room}</a>
                  <button
                    type="button" class="icon-button quiet" aria-label={t.home.forget(room)}
                    onClick={() => setPrefs({ recent: recent.filter((r) => r !== room) })}
                  >
                    <Icon name="close" size={16} />
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </main>
    </div>
  );
}
