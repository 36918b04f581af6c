/** What the signals of the process mean. */

/** What to do; called on the main thread, any number of times. */
export interface SignalActions {
  readonly reload: () => void;
  readonly reopenLogs: () => void;
  readonly stop: (signal: string) => void;
}

/** Effect: listens to the process's signals. Returns what takes that back. */
export function onSignals(actions: SignalActions): () => void {
  const handlers: Readonly<Partial<Record<NodeJS.Signals, () => void>>> = {
    SIGHUP: actions.reload,
    SIGUSR1: actions.reopenLogs,
    SIGTERM: () => actions.stop("SIGTERM"),
    SIGINT: () => actions.stop("SIGINT"),
  };
  const entries = Object.entries(handlers);
  for (const [signal, handler] of entries) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of entries) process.off(signal, handler);
  };
}
