/** Routes of one virtual host as the file says them, and requests with the route that must take each. */
import { parseRequestHead } from "../../src/core/http1/request-head.ts";
import type { HttpRequestFacts } from "../../src/core/match/http-route.ts";
import type { VirtualHost } from "../../src/core/model.ts";
import { compile } from "../config/check-text.ts";

/** A request: method, path with query, and what else is not as usual. */
export interface Asked {
  readonly fields?: readonly string[];
  readonly client?: string;
  readonly scheme?: string;
  readonly gateway?: string;
  readonly port?: number;
}

/** The facts of a request that is read by the parser of the data plane; throws when that refuses it. */
export function ask(line: string, asked: Asked = {}): HttpRequestFacts {
  const fields = ["Host: a.com", ...(asked.fields ?? [])].map((field) => `${field}\r\n`).join("");
  const parsed = parseRequestHead(`${line} HTTP/1.1\r\n${fields}\r\n`, 100);
  if (!parsed.ok) throw new Error(`${line}: ${parsed.error.detail}`);
  return {
    head: parsed.value,
    gateway: asked.gateway ?? "web",
    port: asked.port ?? 8080,
    client: asked.client ?? "192.0.2.1",
    scheme: asked.scheme ?? "http",
  };
}

/** The first virtual host of a file whose routes are these lines of TOML, named by their order. */
export function routesOf(matches: readonly string[]): VirtualHost {
  const routes = matches.map(
    (match, i) =>
      `[[virtual_service.http]]\nname = "${i}"\n${match === "" ? "" : `match = [${match}]\n`}respond = { status = 200 }`,
  );
  const [host] = compile(`
[[gateway]]
name = "web"
listen = ":8080"
protocol = "http"
[[gateway]]
name = "inside"
listen = ":8081"
protocol = "http"
[[virtual_service]]
hosts = ["a.com"]
${routes.join("\n")}
`).virtualHosts;
  if (host === undefined) throw new Error("no virtual host");
  return host;
}
