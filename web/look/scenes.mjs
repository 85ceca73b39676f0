// Every screen and state that is looked at: where it is, and what is done before the picture is taken.
const click = (name) => async (page) => page.getByRole("button", { name, exact: false }).first().click();
const join = "/r/team-weekly?autojoin=1&name=Alex";

/** name: { path, act?, only?: "desktop" | "phone", browser?: "deny" | "none" } */
export const scenes = {
  home: { path: "/" },
  "home-recent": { path: "/", recent: ["team-weekly", "calm-otter-0b3k", "reading-circle"] },
  "home-wrong": { path: "/", act: async (page) => { await page.fill("#room", "!!!"); await page.keyboard.press("Enter"); } },
  prejoin: { path: "/r/team-weekly?name=Alex" },
  "prejoin-nameless": { path: "/r/team-weekly", act: async (page) => page.getByRole("button", { name: "Join" }).click() },
  "prejoin-camera-off": { path: "/r/team-weekly?name=Alex", act: click("Camera, on") },
  "prejoin-denied": { path: "/r/team-weekly?name=Alex", browser: "deny" },
  "prejoin-no-device": { path: "/r/team-weekly?name=Alex", browser: "none" },
  "call-1": { path: `${join}&people=1` },
  "call-2": { path: `${join}&people=2` },
  "call-3": { path: `${join}&people=3` },
  "call-5": { path: `${join}&people=5` },
  "call-12": { path: `${join}&people=12` },
  "call-25": { path: `${join}&people=25` },
  "call-40": { path: `${join}&people=40` },
  "call-share": { path: `${join}&people=5&share=1` },
  "call-speaker": { path: `${join}&people=8`, act: async (page) => page.keyboard.press("l") },
  "call-pinned": { path: `${join}&people=5`, act: async (page) => page.getByRole("button", { name: "Pin Jonas" }).focus().then(() => page.keyboard.press("Enter")) },
  "call-muted": { path: `${join}&people=3`, act: async (page) => { await page.keyboard.press("m"); await page.keyboard.press("v"); await page.keyboard.press("h"); } },
  "call-talk": { path: `${join}&people=3`, act: async (page) => { await page.keyboard.press("m"); await page.keyboard.down(" "); } },
  "call-chat": { path: `${join}&people=5&chat=1`, act: async (page) => page.keyboard.press("c") },
  "call-chat-empty": { path: `${join}&people=2`, act: async (page) => page.keyboard.press("c") },
  "call-people": { path: `${join}&people=12`, act: async (page) => page.keyboard.press("p") },
  "call-knocks": { path: `${join}&people=4&knocking=1`, act: async (page) => page.keyboard.press("p") },
  "call-moderate": { path: `${join}&people=4&knocking=1`, act: async (page) => {
    await page.keyboard.press("p");
    await page.getByRole("button", { name: /^What to do about Jonas/ }).click();
  } },
  "call-room": { path: `${join}&people=4&knocking=1`, act: async (page) => { await page.keyboard.press("p"); await page.getByRole("button", { name: "Room…" }).click(); } },
  "call-invite": { path: `${join}&people=4&knocking=1`, act: async (page) => {
    await page.keyboard.press("p");
    await page.getByRole("button", { name: "Invite…" }).click();
    await page.getByRole("button", { name: "Make the link" }).click();
  } },
  "call-message": { path: `${join}&people=5&chat=1`, act: async (page) => {
    await page.keyboard.press("c");
    await page.getByRole("button", { name: /^What to do with this message/ }).last().click();
  } },
  "call-reply": { path: `${join}&people=5&chat=1&state=offline`, act: async (page) => {
    await page.keyboard.press("c");
    await page.getByRole("button", { name: /^What to do with this message/ }).first().click();
    await page.getByRole("menuitem", { name: "Answer" }).click();
  } },
  waiting: { path: `${join}&state=waiting` },
  "prejoin-password": { path: `${join}&state=password` },
  "call-reconnecting": { path: `${join}&people=3&state=reconnecting` },
  "call-relayed": { path: `${join}&people=2&state=relayed` },
  "call-menu": { path: `${join}&people=5`, only: "desktop", act: click("Choose a microphone") },
  "call-more": { path: `${join}&people=5`, act: async (page) => page.getByRole("button", { name: "More" }).locator("visible=true").click() },
  "call-settings": { path: `${join}&people=5`, act: async (page) => {
    await page.getByRole("button", { name: "More" }).locator("visible=true").click();
    await page.getByText("Settings").locator("visible=true").click();
  } },
  "call-shortcuts": { path: `${join}&people=5`, only: "desktop", act: async (page) => page.keyboard.press("?") },
  "call-light": { path: `${join}&people=5&chat=1`, theme: "light", act: async (page) => page.keyboard.press("c") },
  ended: { path: `${join}&people=3`, act: click("Leave") },
  "failed-full": { path: `${join}&state=full` },
  "failed-expired": { path: `${join}&state=expired` },
  "failed-gone": { path: `${join}&state=gone` },
};

export const devices = {
  desktop: { viewport: { width: 1280, height: 720 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  "phone-landscape": { viewport: { width: 844, height: 390 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};
