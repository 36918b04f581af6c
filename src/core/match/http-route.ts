/** Whether the conditions of an HTTP match hold. */
import type { HttpMatch } from "../model.ts";
import { matchPath } from "./path.ts";

/** What an HTTP match can look at. */
export interface HttpRequestFacts {
  readonly method: string;
  /** In normal form. */
  readonly path: string;
  /** The gateway that let the request in. */
  readonly gateway: string;
  /** The listener's port. */
  readonly port: number;
}

/** All conditions that are present must hold. Pure. */
export function matchHttp(match: HttpMatch, facts: HttpRequestFacts): boolean {
  if (match.port !== undefined && match.port !== facts.port) return false;
  if (match.methods !== undefined && !match.methods.includes(facts.method)) return false;
  if (match.gateways !== undefined && !match.gateways.includes(facts.gateway)) return false;
  return match.path === undefined || matchPath(match.path, facts.path);
}
