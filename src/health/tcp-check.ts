/** A check that an endpoint takes connections, and with TLS that the handshake works. */
import { type CancelCheck, type CheckTask, failedDial, type TakeResult } from "./check-task.ts";
import { dial, type LoadTls } from "./dial.ts";

/** Effect: one connection; a PROXY header has left when it is ready. */
export function startTcpCheck(task: CheckTask, loadTls: LoadTls, done: TakeResult): CancelCheck {
  const context = { loadTls, alpn: "http/1.1" };
  return dial(task, context, {
    onReady: () => done({ passed: true, detail: "connected" }),
    onFailed: (detail) => done(failedDial(detail)),
  });
}
