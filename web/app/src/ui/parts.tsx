// Small things that several screens use.

import type { Signal } from "@preact/signals";
import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { initials, tint } from "../pure/person.js";
import { t } from "../texts/index.js";
import { Icon } from "./icons.js";

const TINTS = 8;

/** A person without a picture. */
export function Avatar({ name }: { name: string }) {
  return <span class={`avatar tint-${tint(name, TINTS)}`} aria-hidden="true">{initials(name)}</span>;
}

/** The operator's name and logo, from the page's head. */
export const brand = {
  name: document.querySelector<HTMLMetaElement>("meta[name=confab-name]")?.content || "Confab",
  logo: document.querySelector<HTMLMetaElement>("meta[name=confab-logo]")?.content || "/icon.svg",
};

export function Brand() {
  return (
    <a class="brand" href="/">
      <img src={brand.logo} alt="" width={28} height={28} />
      <span>{brand.name}</span>
    </a>
  );
}

/** How loud the microphone is. It paints by itself: ten new values a second render nothing else. */
export function Meter({ level, label }: { level: Signal<number>; label: string }) {
  const bar = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const value = Math.min(1, level.value);
    bar.current?.style.setProperty("--level", value.toFixed(2));
    bar.current?.setAttribute("aria-valuenow", String(Math.round(value * 100)));
  });
  return <div class="level" ref={bar} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0} />;
}

/** Copies a link and says so for a moment, on the button itself. */
export function CopyButton({ text, label, done, class: name }: { text: string; label: string; done: string; class?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button type="button" class={`button ${name ?? ""}`} onClick={() => void copy()}>
      <Icon name={copied ? "check" : "copy"} size={18} />
      <span aria-live="polite">{copied ? done : label}</span>
    </button>
  );
}

/** The clipboard where the browser grants it; on plain http a selected field is the only way. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

/** A page with one thing to say and the button that helps. */
export function NoticePage({ title, children, actions }: { title: string; children?: ComponentChildren; actions: ComponentChildren }) {
  return (
    <div class="shell">
      <header class="top"><Brand /></header>
      <main class="page notice">
        <h1>{title}</h1>
        {children}
        <div class="actions">{actions}</div>
      </main>
    </div>
  );
}

/** used is the device that is open: it is what the browser chose when the person did not. */
export function DeviceSelect({ label, kind, value, used, devices, missing, onChange }: {
  label: string;
  kind: string;
  value: string;
  used?: MediaStreamTrack | null;
  missing?: boolean;
  devices: readonly { id: string; label: string }[];
  onChange: (id: string) => void;
}) {
  const named = devices.filter((d) => d.id !== "" && d.id !== "default");
  const current = [value, used?.getSettings().deviceId].find((id) => named.some((d) => d.id === id)) ?? "";
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      <span class="select">
        <select value={current} disabled={named.length === 0} onChange={(e) => onChange(e.currentTarget.value)}>
          {current === "" ? <option value="">{missing ? t.devices.none : t.devices.standard}</option> : null}
          {named.map((d, i) => (
            <option key={d.id} value={d.id}>{d.label || t.devices.unnamed(kind, i + 1)}</option>
          ))}
        </select>
        <Icon name="chevronUp" size={18} />
      </span>
    </label>
  );
}
