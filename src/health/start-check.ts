/** The three kinds of checks behind one function. */
import type { CheckTask, StartCheck } from "./check-task.ts";
import { startGrpcCheck } from "./grpc-check.ts";
import { startHttpCheck } from "./http-check.ts";
import { startTcpCheck } from "./tcp-check.ts";
import type { TlsDialler } from "./tls-dialler.ts";

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
  let dialler: Promise<TlsDialler> | undefined;
  const loadTls = (): Promise<TlsDialler> => {
    dialler ??= createTlsDialler();
    return dialler;
  };
  return (task, done) => {
    const state = { over: false, drop: (): void => undefined };
    const cancel = (): void => {
      state.over = true;
      state.drop();
    };
    state.drop = STARTS[task.service.policy.kind](task, loadTls, (result) => {
      if (state.over) return;
      cancel();
      done(result);
    });
    return cancel;
  };
}

async function createTlsDialler(): Promise<TlsDialler> {
  const { TlsDialler } = await import("./tls-dialler.ts");
  return new TlsDialler();
}
