/**
 * The first statement of the main bundle. Flags in the executable keep `NODE_OPTIONS`, proxies and system
 * certificates out, but some variables are read later than at the start: `NODE_TLS_REJECT_UNAUTHORIZED` at every TLS
 * connection, `NODE_DEBUG`, `NODE_V8_COVERAGE` and others whenever a worker thread begins. Whoever has such a
 * variable in a login shell must not change what the proxy verifies or prints, so they all go before anything runs.
 *
 * And it listens to SIGUSR1, for as long as the process lives: the runtime would open a debugger for it, and after the
 * last listener has gone the kernel would end the process. What it does here is up to the listeners that come later.
 */
export const MAIN_PREAMBLE = `"use strict";(${dropRuntimeVariables.toString()})(process.env);process.on("SIGUSR1",()=>{});`;

/** Deletes every variable whose name begins with `NODE_` from this environment. Its text is bundled: no imports, no types. */
function dropRuntimeVariables(environment: Record<string, string | undefined>): void {
  for (const name of Object.keys(environment)) {
    if (name.startsWith("NODE_")) delete environment[name];
  }
}
