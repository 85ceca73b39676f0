// @confab/sdk/files/worker: what a page's worker script is made of.

export { serve, type Port } from "./tasks.js";
export { privateDisk, tasks } from "./worker.js";
