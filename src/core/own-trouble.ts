/** Failures to connect that say nothing of the endpoint. */

const CODES: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EADDRNOTAVAIL",
]);

/** Whether an errno name means that this box lacks descriptors, memory or local ports. Pure. */
export function isOwnTrouble(code: string | undefined): boolean {
  return code !== undefined && CODES.has(code);
}
