// A button with a list that opens over it: arrows move, Enter chooses, Esc closes, focus comes back to the button.

import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons.js";

export interface MenuItem {
  key: string;
  label: string;
  icon?: IconName;
  shortcut?: string;
  /** What screen readers say, when the label is a picture. */
  name?: string;
  danger?: boolean;
  /** A choice among others; undefined for a plain command. */
  checked?: boolean;
  onSelect: () => void;
}

export interface MenuGroup {
  /** Above the group; needed when the items are choices. */
  title?: string;
  /** Side by side, as pictures are. */
  row?: boolean;
  items: MenuItem[];
}

export interface MenuProps {
  label: string;
  tip?: string;
  icon: IconName;
  class?: string;
  size?: number;
  groups: MenuGroup[];
  /** Over everything and beside the button, for lists that scroll: nothing cuts it off. */
  floats?: boolean;
  onOpen?: () => void;
}

export function Menu(p: MenuProps) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const root = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    const outside = (e: PointerEvent) => {
      if (!root.current?.contains(e.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="menu-root" ref={root}>
      <button
        ref={button}
        type="button"
        class={`icon-button ${p.class ?? ""}`}
        aria-label={p.label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => {
          if (!open) p.onOpen?.();
          setOpen(!open);
        }}
        onKeyDown={(e) => {
          if (!open && (e.key === "ArrowUp" || e.key === "ArrowDown")) {
            e.preventDefault();
            p.onOpen?.();
            setOpen(true);
          }
        }}
      >
        <Icon name={p.icon} size={p.size ?? 22} />
        {p.tip && !open ? <span class="tip" aria-hidden="true">{p.tip}</span> : null}
      </button>
      {open ? <List id={id} label={p.label} groups={p.groups} close={close} beside={p.floats ? button.current : null} /> : null}
    </div>
  );
}

function List({ id, label, groups, close, beside }: { id: string; label: string; groups: MenuGroup[]; close: () => void; beside: HTMLElement | null }) {
  const list = useRef<HTMLDivElement>(null);
  const items = () => [...(list.current?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];

  useLayoutEffect(() => {
    if (beside && list.current) float(list.current, beside);
    (list.current?.querySelector<HTMLElement>("[aria-checked=true]") ?? items()[0])?.focus();
  }, []);

  const move = (e: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: -1 }[e.key];
    if (to !== undefined) {
      e.preventDefault();
      all.at(to >= all.length ? 0 : to)?.focus();
    } else if (e.key === "Escape" || e.key === "Tab") {
      if (e.key === "Escape") e.preventDefault();
      e.stopPropagation();
      close();
    }
  };
  return (
    <div class="menu" role="menu" id={id} aria-label={label} ref={list} onKeyDown={move} popover={beside ? "manual" : undefined}>
      {groups.map((g, i) => (
        <div role="group" aria-label={g.title} class={g.row ? "menu-group row" : "menu-group"} key={g.title ?? i}>
          {g.title ? <div class="menu-title" aria-hidden="true">{g.title}</div> : null}
          {g.items.map((item) => (
            <button
              type="button"
              key={item.key}
              role={item.checked === undefined ? "menuitem" : "menuitemradio"}
              aria-checked={item.checked}
              tabIndex={-1}
              aria-label={item.name}
              title={item.name}
              class={item.danger ? "menu-item danger" : "menu-item"}
              onClick={() => {
                close();
                item.onSelect();
              }}
            >
              {item.checked === undefined ? (item.icon ? <Icon name={item.icon} size={20} /> : null) : (
                <span class="menu-check">{item.checked ? <Icon name="check" size={18} /> : null}</span>
              )}
              <span class="menu-label">{item.label}</span>
              {item.shortcut ? <kbd>{item.shortcut}</kbd> : null}
            </button>
          ))}
        </div>
      ))}
    </div>
  );
}

/** Puts the list into the top layer, below or above its button and inside the window. */
function float(list: HTMLElement, button: HTMLElement): void {
  list.showPopover();
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = list;
  const below = at.bottom + 4 + height < innerHeight || at.top < height;
  const left = Math.min(Math.max(8, at.right - width), innerWidth - width - 8);
  const top = Math.min(Math.max(8, below ? at.bottom + 4 : at.top - 4 - height), innerHeight - height - 8);
  list.style.setProperty("left", `${left}px`);
  list.style.setProperty("top", `${Math.max(8, top)}px`);
}
