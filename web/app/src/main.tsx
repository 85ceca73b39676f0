// The page's entry: the app with real calls.

import { Call } from "@confab/sdk";
import { render } from "preact";
import { App } from "./app.js";

const root = document.getElementById("app");
if (root) render(<App newCall={(o) => new Call(o)} />, root);
