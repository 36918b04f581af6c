/** Entry of a data-plane thread; a bundle of its own. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { ToWorker, WorkerStart } from "../core/messages.ts";
import { HeapTrim } from "./heap-trim.ts";
import { WorkerBox } from "./worker-box.ts";

function start(port: MessagePort): void {
  const box = new WorkerBox(workerData as WorkerStart, (message) => port.postMessage(message));
  new HeapTrim({ active: () => box.connections }).start();
  port.on("message", (message: ToWorker) => box.handle(message));
}

if (parentPort !== null) start(parentPort);
