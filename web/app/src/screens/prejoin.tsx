// Before the call: one's own picture, the devices, the name, and the button.

import type { ConfabError } from "@confab/sdk";
import { useComputed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { LocalMedia } from "../media.js";
import { prefs } from "../prefs.js";
import type { RoomParams } from "../pure/room.js";
import { inviteLink } from "../pure/room.js";
import { t } from "../texts/index.js";
import { IconButton } from "../ui/button.js";
import { Icon } from "../ui/icons.js";
import { Avatar, Brand, CopyButton, DeviceSelect, Meter } from "../ui/parts.js";
import { Video } from "../ui/video.js";
import { Guidance } from "./guidance.js";

export interface PrejoinProps {
  params: RoomParams;
  media: LocalMedia;
  joining: boolean;
  /** The room has one: it was missing or wrong. */
  password: "none" | "missing" | "wrong";
  onJoin: (name: string, password: string) => void;
}

export function Prejoin({ params, media, joining, password, onJoin }: PrejoinProps) {
  const [name, setName] = useState(params.name || prefs.peek().name);
  const [missing, setMissing] = useState(false);
  const [word, setWord] = useState("");
  const key = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    // Who has a name only has to press Enter.
    (name === "" ? field.current : button.current)?.focus({ preventScroll: true });
  }, []);

  useEffect(() => {
    if (password !== "none" && !joining) key.current?.focus();
  }, [password, joining]);

  const submit = (e: SubmitEvent) => {
    e.preventDefault();
    const trimmed = name.trim();
    if (trimmed === "") {
      setMissing(true);
      field.current?.focus();
      return;
    }
    onJoin(trimmed, word);
  };
  const devices = media.devices.value;
  return (
    <div class="shell">
      <header class="top">
        <Brand />
        <CopyButton class="quiet" text={inviteLink(params, location.origin)} label={t.join.copyLink} done={t.join.copied} />
      </header>
      <main class="page prejoin">
        <Preview media={media} name={name} />
        <form class="join-form" onSubmit={submit} noValidate>
          <h1>{t.join.heading(params.room)}</h1>
          <label class="field">
            <span class="field-label">{t.join.name}</span>
            <input
              ref={field} class="input" type="text" value={name} maxLength={64} autocomplete="name" spellcheck={false}
              aria-invalid={missing} aria-describedby="name-hint" onInput={(e) => { setName(e.currentTarget.value); setMissing(false); }}
            />
            <span id="name-hint" class={missing ? "hint problem" : "hint"}>{missing ? t.join.nameMissing : t.join.nameHint}</span>
          </label>
          {password === "none" ? null : (
            <label class="field">
              <span class="field-label">{t.join.password}</span>
              <input ref={key} class="input" type="password" value={word} autocomplete="off" aria-invalid={password === "wrong"} aria-describedby="password-hint"
                onInput={(e) => setWord(e.currentTarget.value)} />
              <span id="password-hint" class={password === "wrong" ? "hint problem" : "hint"} role="alert">
                {password === "wrong" ? t.join.passwordWrong : t.join.passwordMissing}
              </span>
            </label>
          )}
          <DeviceSelect
            label={t.devices.camera} kind={t.devices.camera} value={prefs.value.camera} devices={devices.cameras}
            used={media.camera.value} missing={media.errors.camera.value?.code === "device-not-found"}
            onChange={(id) => void media.choose("camera", id)}
          />
          <div class="field">
            <DeviceSelect
              label={t.devices.microphone} kind={t.devices.microphone} value={prefs.value.microphone} devices={devices.microphones}
              used={media.microphone.value} missing={media.errors.microphone.value?.code === "device-not-found"}
              onChange={(id) => void media.choose("microphone", id)}
            />
            <Meter level={media.level} label={t.join.level} />
          </div>
          <button ref={button} type="submit" class="button primary large wide" disabled={joining}>
            {joining ? t.join.joining : t.join.go}
          </button>
        </form>
      </main>
    </div>
  );
}

function Preview({ media, name }: { media: LocalMedia; name: string }) {
  const camera = media.status.camera.value;
  const microphoneOn = media.microphoneOn.value && media.microphone.value !== null;
  const open = camera === "open";
  return (
    <section class="preview-column">
      <div class="preview">
        <Video stream={media.picture} mirrored={prefs.value.mirror && media.mirrored} class={open ? "" : "hidden"} label={open ? t.join.preview : undefined} />
        {open ? null : (
          <div class="preview-empty">
            {name.trim() === "" ? <Icon name="cameraOff" size={44} /> : <Avatar name={name} />}
            <p>{camera === "opening" ? t.join.cameraStarting : t.join.cameraOff}</p>
          </div>
        )}
        <div class="preview-bar">
          <IconButton
            icon={microphoneOn ? "microphone" : "microphoneOff"} class={`round${microphoneOn ? "" : " off"}`}
            label={media.microphone.value === null ? t.bar.microphoneNone : microphoneOn ? t.bar.microphoneOn : t.bar.microphoneOff}
            tip={microphoneOn ? t.bar.tips.mute : t.bar.tips.unmute}
            onClick={() => (media.microphone.peek() === null ? void media.open("microphone") : media.setMicrophoneOn(!media.microphoneOn.peek()))}
          />
          <IconButton
            icon={open ? "camera" : "cameraOff"} class={`round${open ? "" : " off"}`}
            label={open ? t.bar.cameraOn : camera === "failed" ? t.bar.cameraNone : t.bar.cameraOff}
            tip={open ? t.bar.tips.cameraOff : t.bar.tips.cameraOn}
            onClick={() => (open ? media.close("camera") : void media.open("camera"))}
          />
        </div>
      </div>
      <Problems media={media} />
    </section>
  );
}

/** One card per thing that is wrong: the same refusal of both devices is said once. */
function Problems({ media }: { media: LocalMedia }) {
  const errors = useComputed(() => {
    const { camera, microphone } = { camera: media.errors.camera.value, microphone: media.errors.microphone.value };
    const all: { kind: "camera" | "microphone"; error: ConfabError }[] = [];
    if (microphone) all.push({ kind: "microphone", error: microphone });
    if (camera && camera.code !== microphone?.code) all.push({ kind: "camera", error: camera });
    return all;
  });
  const retry = () => {
    if (media.errors.microphone.peek()) void media.open("microphone");
    if (media.errors.camera.peek()) void media.open("camera");
  };
  return <>{errors.value.map((e) => <Guidance key={e.kind} error={e.error} onRetry={retry} />)}</>;
}

