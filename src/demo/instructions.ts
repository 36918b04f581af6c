/** Where everything of one demo is; ports of 127.0.0.1. */
export interface DemoPlan {
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly plainSitePort: number;
  readonly tlsSitePort: number;
  /** Undefined = the default. */
  readonly adminPort: number | undefined;
  readonly certificatePath: string;
  readonly fingerprint: string;
}

/**
 * The seed configuration for this plan. Pure.
 * The seed has `dns = "nginx.com:443"` for the second service. A demo cannot change what DNS says of nginx.com and
 * should work without a network, so that service names its endpoint; the file says so.
 */
export function demoConfiguration(plan: DemoPlan): string {
  const admin =
    plan.adminPort === undefined ? "" : `admin.listen = "127.0.0.1:${plan.adminPort}"\n\n`;
  return `${admin}[[gateway]]                       # what is let in
name = "web"
listen = "127.0.0.1:${plan.httpPort}"
protocol = "http"
hosts = ["nginx.com"]

[[gateway]]
name = "tls"
listen = "127.0.0.1:${plan.tlsPort}"
protocol = "tls"
tls.mode = "passthrough"          # read the SNI, never decrypt
hosts = ["nginx.com"]

[[virtual_service]]               # where it goes
hosts = ["nginx.com"]
gateways = ["web", "tls"]

[[virtual_service.http]]
route = "my-nginx"

[[virtual_service.tls]]
match = [{ sni = ["nginx.com"] }]
route = "nginx.com"

[service.my-nginx]                # what is there
endpoints = ["127.0.0.1:${plan.plainSitePort}"]

[service."nginx.com"]
endpoints = ["127.0.0.1:${plan.tlsSitePort}"]   # in earnest: dns = "nginx.com:443"
`;
}

/** The lines to copy for this plan. Pure. */
export function demoInstructions(plan: DemoPlan): string {
  const http = `http://127.0.0.1:${plan.httpPort}/`;
  const admin = plan.adminPort === undefined ? "" : ` --admin 127.0.0.1:${plan.adminPort}`;
  return `Try it from another terminal:

  # HTTP is routed by its Host: the page of "your own nginx"
  curl -i -H 'Host: nginx.com' ${http}

  # TLS is routed by its SNI and passed through: the other site, its own certificate, a redirect
  curl -i --cacert '${plan.certificatePath}' --connect-to nginx.com:443:127.0.0.1:${plan.tlsPort} https://nginx.com/

  # Any other name is not let in: 404
  curl -i -H 'Host: example.com' ${http}

The certificate is that of the site, so nothing was decrypted. This prints ${plan.fingerprint}:

  openssl s_client -connect 127.0.0.1:${plan.tlsPort} -servername nginx.com </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256

What runs: gatehouse show listeners${admin}
Every request gives one line below. Ctrl-C stops the demo and removes its files.
`;
}
