// The development page: the app with calls that need no server.

import { render } from "preact";
import { App } from "../src/app.js";
import { FakeCall } from "./fake.js";

const root = document.getElementById("app");
if (root) render(<App newCall={(o) => new FakeCall(o)} />, root);
