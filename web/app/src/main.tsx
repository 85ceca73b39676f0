import { render } from "preact";
render(<main class="page"><h1>Confab</h1></main>, document.getElementById("app")!);
