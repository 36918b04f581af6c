/** The three kinds of checks behind one function. */
import type { CheckTask, StartCheck } from "./check-task.ts";
import { TlsContexts } from "./dial.ts";
import { startGrpcCheck } from "./grpc-check.ts";
import { startHttpCheck } from "./http-check.ts";
import { startTcpCheck } from "./tcp-check.ts";

const STARTS: Readonly<Record<CheckTask["service"]["policy"]["kind"], typeof startHttpCheck>> = {
  http: startHttpCheck,
  tcp: startTcpCheck,
  grpc: startGrpcCheck,
};

/**
 * What starts checks: each is one connection, dropped with the result or the cancel, whichever is first, and never a word
 * after either. Never throws.
 */
export function createStartCheck(): StartCheck {
  const tls = new TlsContexts();
  return (task, done) => {
    const state = { over: false, drop: (): void => undefined };
    const cancel = (): void => {
      state.over = true;
      state.drop();
    };
    state.drop = STARTS[task.service.policy.kind](task, tls, (result) => {
      if (state.over) return;
      cancel();
      done(result);
    });
    return cancel;
  };
}
