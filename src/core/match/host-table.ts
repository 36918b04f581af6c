/** Which host pattern takes a name: exact → longest wildcard → `*`. One rule for Host and SNI. */
import type { HostTable } from "../model.ts";

/**
 * Looks a folded name up (lower-case, no port, no trailing dot). Pure; cost grows with the labels of the
 * name, not with the table. `*.example.com` takes any depth below and not `example.com` itself.
 */
export function matchHost<T>(table: HostTable<T>, host: string): T | undefined {
  const exact = table.exact.get(host);
  if (exact !== undefined) return exact;
  if (table.wildcard.size > 0) {
    let dot = host.indexOf(".");
    while (dot >= 0) {
      const found = table.wildcard.get(host.slice(dot + 1));
      if (found !== undefined && dot > 0) return found;
      dot = host.indexOf(".", dot + 1);
    }
  }
  return table.any;
}

/** Whether one pattern (exact, `*.suffix` or `*`) takes a folded name. Pure. */
export function hostPatternTakes(pattern: string, host: string): boolean {
  if (pattern === "*") return true;
  if (!pattern.startsWith("*.")) return pattern === host;
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1));
}
