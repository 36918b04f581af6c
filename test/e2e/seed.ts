/** The seed scenario: two real nginx, the DNS that leads to one of them, and the box in front. */
import { startDnsServer } from "../discovery/dns-server.ts";
import { findFreePort } from "../processes.ts";
import { makeTestCertificate, type TestCertificate } from "./certificate.ts";
import { type Gatehouse, type Scope, startGatehouse } from "./harness.ts";
import { type Nginx, startNginx } from "./nginx.ts";

/** Everything that runs. */
export interface Seed {
  readonly gatehouse: Gatehouse;
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Of the gateway that this box does not serve. */
  readonly unservedPort: number;
  /** "My own nginx". */
  readonly page: Nginx;
  /** The other site, with its own certificate. */
  readonly site: Nginx;
  readonly certificate: TestCertificate;
}

/** What my own nginx answers. */
export const PAGE = "<!doctype html><title>my own nginx</title><h1>It is mine</h1>\n";
/** Where it redirects to. */
export const REDIRECT_LOCATION = "https://www.nginx.com/elsewhere";

/** Starts all of it. */
export async function startSeed(
  scope: Scope,
  options: { readonly workers: number; readonly head?: string },
): Promise<Seed> {
  const certificate = await makeTestCertificate(scope, ["nginx.com"]);
  const page = await startNginx(scope, { locations: `location / { return 200 '${PAGE}'; }` });
  const site = await startNginx(scope, {
    certificate,
    locations: `location / { return 301 ${REDIRECT_LOCATION}; }`,
  });
  const dns = await startDnsServer();
  scope.after(() => dns.close());
  dns.zone.set("nginx.com", { A: ["127.0.0.1"] });
  const httpPort = await findFreePort();
  const tlsPort = await findFreePort();
  const unservedPort = await findFreePort();
  const gatehouse = await startGatehouse(scope, {
    workers: options.workers,
    config: `dns.servers = ["${dns.address}"]
labels = { region = "eu" }
${options.head ?? ""}

[[gateway]]
name = "web"
listen = ":${httpPort}"
protocol = "http"
hosts = ["nginx.com"]

[[gateway]]
name = "tls"
listen = ":${tlsPort}"
protocol = "tls"
tls.mode = "passthrough"
hosts = ["nginx.com"]

[[gateway]]
name = "elsewhere"
listen = ":${unservedPort}"
protocol = "http"
hosts = ["nginx.com"]
selector = { region = "us" }

[[virtual_service]]
hosts = ["nginx.com"]
gateways = ["web", "tls"]

[[virtual_service.http]]
route = "my-nginx"

[[virtual_service.tls]]
match = [{ sni = ["nginx.com"] }]
route = "nginx.com"

[service.my-nginx]
endpoints = ["127.0.0.1:${page.port}"]

[service."nginx.com"]
dns = "nginx.com:${site.port}"
`,
  });
  // Behind the box: it asks as long as it lives.
  return { gatehouse, httpPort, tlsPort, unservedPort, page, site, certificate };
}
