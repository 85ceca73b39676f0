// Buttons of the call: an icon, a name for screen readers, a tip with the shortcut for eyes.

import type { ComponentChildren } from "preact";
import { t } from "../texts/index.js";
import { Icon, type IconName } from "./icons.js";

export interface IconButtonProps {
  icon: IconName;
  /** What screen readers say: it contains the state. */
  label: string;
  /** Shown on hover and focus; the label when absent, nothing when "". */
  tip?: string;
  shortcut?: string;
  onClick: () => void;
  class?: string;
  pressed?: boolean;
  expanded?: boolean;
  controls?: string;
  popup?: "menu" | "dialog";
  badge?: number;
  disabled?: boolean;
  size?: number;
  children?: ComponentChildren;
}

export function IconButton(p: IconButtonProps) {
  const tip = p.tip ?? p.label;
  return (
    <button
      type="button"
      class={`icon-button ${p.class ?? ""}`}
      aria-label={p.label}
      aria-pressed={p.pressed}
      aria-expanded={p.expanded}
      aria-controls={p.expanded ? p.controls : undefined}
      aria-haspopup={p.popup}
      aria-keyshortcuts={p.shortcut && p.shortcut !== " " ? p.shortcut.toUpperCase() : undefined}
      disabled={p.disabled}
      onClick={p.onClick}
    >
      <Icon name={p.icon} size={p.size ?? 22} />
      {p.badge ? <span class="badge" aria-hidden="true">{p.badge > 99 ? "99+" : p.badge}</span> : null}
      {tip === "" ? null : (
        <span class="tip" aria-hidden="true">
          {tip}
          {p.shortcut ? <kbd>{keyName(p.shortcut)}</kbd> : null}
        </span>
      )}
      {p.children}
    </button>
  );
}

export function keyName(key: string): string {
  return key === " " ? t.shortcuts.space : key.toUpperCase();
}
