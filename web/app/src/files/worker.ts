// The worker that hashes, checks and writes files: the SDK's tasks on the browser's private disk.

import { privateDisk, serve, tasks, type Port } from "@confab/sdk/files/worker";

serve(globalThis as unknown as Port, tasks(privateDisk()));
