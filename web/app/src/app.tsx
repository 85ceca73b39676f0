// The app: which screen is shown, and how one leads to the next.
//
//	home → send, where files go from one to another without a call
//	home → prejoin (→ waiting) → call → ended
//	                           ↘ failed
//
// A room's address starts at prejoin; "autojoin" in it goes on by itself, and so does a page that was reloaded in a call.

import { Call, ConfabError } from "@confab/sdk";
import { signal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { filesMissing, filesPart, needFiles } from "./lazy.js";
import { LocalMedia } from "./media.js";
import type { CallPort, NewCall } from "./port.js";
import { prefs, rememberRoom, setPrefs } from "./prefs.js";
import { supported } from "./problems.js";
import { inviteLink, readAddress, tokenLink, type RoomParams } from "./pure/room.js";
import { CallScreen } from "./screens/call.js";
import { Ended, Failed } from "./screens/end.js";
import { Home } from "./screens/home.js";
import { Prejoin, type PrejoinProps } from "./screens/prejoin.js";
import { Waiting } from "./screens/waiting.js";
import { Session } from "./session.js";
import { t } from "./texts/index.js";
import { brand } from "./ui/parts.js";

type Screen =
  | { is: "home" }
  | { is: "send" }
  | { is: "prejoin"; params: RoomParams; media: LocalMedia; joining: boolean; password: PrejoinProps["password"] }
  | { is: "waiting"; params: RoomParams; media: LocalMedia; call: CallPort; attended: boolean }
  | { is: "call"; params: RoomParams; session: Session }
  | { is: "ended"; params: RoomParams; lasted: number }
  | { is: "failed"; params: RoomParams; error: unknown };

const screen = signal<Screen>({ is: "home" });

/** Draws the app. newCall makes a call: the SDK's, or another for design work. */
export function App({ newCall }: { newCall: NewCall }) {
  useEffect(() => {
    const arrive = () => enter(newCall);
    arrive();
    addEventListener("popstate", arrive);
    // A page that goes may be back in a moment, as a reload: what was on is then on again.
    const gone = () => {
      const s = screen.peek();
      if (s.is === "call") s.session.media.remember();
    };
    addEventListener("pagehide", gone);
    return () => {
      removeEventListener("popstate", arrive);
      removeEventListener("pagehide", gone);
    };
  }, []);
  useTheme();

  const s = screen.value;
  switch (s.is) {
    case "home":
      return <Home go={(address) => navigate(address, newCall)} />;
    case "send":
      return <Send newCall={newCall} />;
    case "prejoin":
      return <Prejoin key={s.params.room} params={s.params} media={s.media} joining={s.joining} password={s.password}
        onJoin={(name, password) => void join(s.params, s.media, name, password, newCall)} />;
    case "waiting":
      return <Waiting room={s.params.room} attended={s.attended} onLeave={() => { void s.call.leave(); prejoin(s.params); }} />;
    case "call":
      return <CallScreen session={s.session} room={s.params.room} onLeave={() => void s.session.leave()} />;
    case "ended":
      return <Ended lasted={s.lasted} onRejoin={() => prejoin(s.params)} />;
    case "failed":
      return <Failed error={s.error} onRetry={() => prejoin(s.params)} />;
  }
}

/** The page of files, when it is there. */
function Send({ newCall }: { newCall: NewCall }) {
  const part = filesPart.value;
  if (part !== null) return <part.SendScreen newCall={newCall} />;
  return filesMissing.value ? <Failed error={new ConfabError({ code: "unreachable", message: "" })} onRetry={needFiles} /> : null;
}

function navigate(address: string, newCall: NewCall): void {
  history.pushState(null, "", address);
  enter(newCall);
}

/** Shows what the address says. */
function enter(newCall: NewCall): void {
  close(screen.peek());
  const params = readAddress(location.href);
  if (/^\/send(\/|$)/.test(location.pathname)) {
    needFiles();
    screen.value = { is: "send" };
    return;
  }
  if (!params) {
    document.title = brand.name;
    screen.value = { is: "home" };
    return;
  }
  document.title = `${params.room} · ${brand.name}`;
  if (!supported()) {
    screen.value = { is: "failed", params, error: new ConfabError({ code: "unsupported-browser", message: "" }) };
    return;
  }
  const media = prejoin(params);
  // Devices first: a call with a picture from its first moment, and a refusal does not keep anybody out.
  const back = Call.held({ room: params.room });
  const name = back?.name ?? (params.autojoin ? params.name || prefs.peek().name || t.call.you : null);
  if (name !== null) void media.started.then(() => join(params, media.media, name, "", newCall));
}

function prejoin(params: RoomParams): { media: LocalMedia; started: Promise<void> } {
  const media = new LocalMedia();
  screen.value = { is: "prejoin", params, media, joining: false, password: "none" };
  return { media, started: media.start() };
}

async function join(params: RoomParams, media: LocalMedia, name: string, password: string, newCall: NewCall): Promise<void> {
  const s = screen.peek();
  if (s.is !== "prejoin" || s.joining || s.media !== media) return;
  screen.value = { ...s, joining: true };
  if (!params.name) setPrefs({ name });
  const call = newCall({
    room: params.room,
    name,
    mode: params.mode,
    iceTransportPolicy: params.relay ? "relay" : "all",
    microphone: media.microphone.peek(),
    camera: media.camera.peek(),
    ...(params.token === "" ? {} : { token: params.token }),
    ...(password === "" ? {} : { password }),
  });
  // For people who look under the hood: the live call, as the documentation of the SDK describes it.
  Object.assign(globalThis, { confab: { call } });
  const session = new Session(call, media, inviteLink(params, location.origin), (token) => tokenLink(params, location.origin, token));
  const end = (error: unknown) => {
    session.dispose();
    if (error instanceof ConfabError && error.code === "password" && screen.peek().is === "prejoin") {
      screen.value = { is: "prejoin", params, media, joining: false, password: password === "" ? "missing" : "wrong" };
      return;
    }
    media.stop();
    if (document.fullscreenElement) void document.exitFullscreen();
    // The person may be on another page by now.
    const now = screen.peek();
    const here = now.is === "call" ? now.session === session : (now.is === "prejoin" || now.is === "waiting") && now.media === media;
    if (!here) return;
    screen.value = error ? { is: "failed", params, error } : { is: "ended", params, lasted: Date.now() - session.began };
  };
  call.addEventListener("ended", (e) => end(e.detail.error));
  call.addEventListener("change", (e) => {
    const now = screen.peek();
    if (e.detail.phase !== "waiting" || !("media" in now) || now.media !== media) return;
    screen.value = { is: "waiting", params, media, call, attended: e.detail.lobby.attended };
  });
  try {
    await call.join();
  } catch (cause) {
    end(cause);
    return;
  }
  const now = screen.peek();
  if (call.state.phase === "left" || call.state.phase === "failed" || !("media" in now) || now.media !== media) return;
  rememberRoom(params.room);
  screen.value = { is: "call", params, session };
}

/** Gives back what a screen holds when the address changes under it. */
function close(s: Screen): void {
  if (s.is === "prejoin" || s.is === "waiting") s.media.stop();
  if (s.is === "waiting") void s.call.leave();
  if (s.is === "call") void s.session.leave();
}

/** A call is dark unless the person chose; other pages follow the system. */
function useTheme(): void {
  useSignalEffect(() => {
    const { theme } = prefs.value;
    document.documentElement.dataset.theme = theme === "auto" ? (screen.value.is === "call" ? "dark" : "auto") : theme;
    document.documentElement.lang = t.language;
    document.documentElement.dir = t.direction;
  });
}
