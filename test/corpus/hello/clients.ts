/** The clients whose hellos the corpus keeps: how each is started, and what it was told to ask for. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One capture. `command` gets a free port and a folder of its own. */
export interface Client {
  /** File name without its ending. */
  readonly name: string;
  readonly client: string;
  /** The command that prints its version. */
  readonly version: readonly [program: string, ...args: string[]];
  readonly note: string;
  /** What the hello must say, from how the client is called and not from any parser. */
  readonly serverName: string | null;
  readonly alpn: readonly string[];
  readonly ech: boolean;
  readonly command: (port: number, folder: string) => readonly [string, ...string[]];
}

const NAME = "nginx.com";
const H2: readonly string[] = ["h2", "http/1.1"];
const H1: readonly string[] = ["http/1.1"];
const NO_ALPN: readonly string[] = [];
const NODE_20 = process.env["NODE_20"] ?? "/usr/bin/node";
const JAVA_25 = process.env["JAVA_25"] ?? "/usr/lib/jvm/temurin-25-jdk-amd64/bin/java";
const DENO = process.env["DENO"] ?? "deno";
const BUN = process.env["BUN"] ?? "bun";

type Openssl = Pick<Client, "name" | "note" | "serverName" | "alpn"> & {
  readonly args: readonly string[];
};

function openssl({ args, ...rest }: Openssl): Client {
  return {
    ...rest,
    client: "openssl s_client",
    version: ["openssl", "version"],
    ech: false,
    command: (port) => ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, ...args],
  };
}

/** Enough to make a hello that needs several records of 512 bytes. */
const MANY_PROTOCOLS = ["a", "b", "c", "d", "e", "f", "g", "h"].map((name) => name.repeat(100));

const OPENSSL: readonly Client[] = [
  openssl({
    name: "openssl-tls13",
    note: "TLS 1.3 and below, ALPN",
    serverName: NAME,
    alpn: H2,
    args: ["-servername", NAME, "-alpn", "h2,http/1.1"],
  }),
  openssl({
    name: "openssl-tls12",
    note: "TLS 1.2 only",
    serverName: NAME,
    alpn: NO_ALPN,
    args: ["-servername", NAME, "-tls1_2"],
  }),
  openssl({
    name: "openssl-tls10",
    note: "TLS 1.0 only",
    serverName: NAME,
    alpn: NO_ALPN,
    args: ["-servername", NAME, "-tls1", "-cipher", "ALL:@SECLEVEL=0"],
  }),
  openssl({
    name: "openssl-no-sni",
    note: "without server_name",
    serverName: null,
    alpn: H2,
    args: ["-noservername", "-alpn", "h2,http/1.1"],
  }),
  openssl({
    name: "openssl-ip-sni",
    note: "an IPv4 address as server_name",
    serverName: null,
    alpn: NO_ALPN,
    args: ["-servername", "127.0.0.1"],
  }),
  openssl({
    name: "openssl-ipv6-sni",
    note: "an IPv6 address as server_name",
    serverName: null,
    alpn: NO_ALPN,
    args: ["-servername", "2001:DB8::192.0.2.1"],
  }),
  openssl({
    name: "openssl-upper-case-dot",
    note: "a server_name with capitals and a trailing dot",
    serverName: NAME,
    alpn: NO_ALPN,
    args: ["-servername", "NGINX.com."],
  }),
  openssl({
    name: "openssl-acme",
    note: "the ALPN of an ACME challenge (RFC 8737)",
    serverName: NAME,
    alpn: ["acme-tls/1"],
    args: ["-servername", NAME, "-alpn", "acme-tls/1"],
  }),
  openssl({
    name: "openssl-several-records",
    note: "records of at most 512 bytes, cut by the client itself",
    serverName: NAME,
    alpn: MANY_PROTOCOLS,
    args: ["-servername", NAME, "-max_send_frag", "512", "-alpn", MANY_PROTOCOLS.join(",")],
  }),
  {
    ...openssl({
      name: "openssl-early-data",
      note: "resumption with a pre-shared key, early data behind the hello",
      serverName: NAME,
      alpn: H2,
      args: [],
    }),
    command: (port, folder) => {
      const { session, early } = openSession(folder);
      const connect = ["-connect", `127.0.0.1:${port}`, "-servername", NAME];
      const resume = ["-sess_in", session, "-early_data", early, "-alpn", "h2,http/1.1"];
      return ["openssl", "s_client", ...connect, ...resume];
    },
  },
];

/** Gets a ticket that allows early data from a server of openssl's own. */
function openSession(folder: string): { session: string; early: string } {
  const [key, certificate, session, early] = ["key", "cert", "session", "early"].map((file) =>
    join(folder, file),
  ) as [string, string, string, string];
  const make = `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=${NAME} \
    -keyout ${key} -out ${certificate} 2>&1
  sleep 5 | timeout 5 openssl s_server -accept 127.0.0.1:0 -key ${key} -cert ${certificate} \
    -alpn h2 -early_data > ${folder}/server 2>&1 &
  until grep -q ACCEPT ${folder}/server; do sleep 0.1; done
  port=$(grep -o 'ACCEPT 127.0.0.1:[0-9]*' ${folder}/server | grep -o '[0-9]*$')
  (sleep 1) | openssl s_client -connect 127.0.0.1:$port -servername ${NAME} -alpn h2,http/1.1 -sess_out ${session}`;
  const made = spawnSync("sh", ["-c", make], { timeout: 10_000, encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stdout + made.stderr);
  writeFileSync(early, `GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
  return { session, early };
}

function nodeScript(port: number, extra: string): string {
  const options = `{ host: "127.0.0.1", port: ${port}, servername: "${NAME}", ${extra} }`;
  return `require("node:tls").connect(${options}).on("error", () => {})`;
}

const CURL_URL = (port: number): string[] => [
  "-sk",
  "--connect-to",
  `${NAME}:443:127.0.0.1:${port}`,
  `https://${NAME}/`,
];

const TOOLS: readonly Client[] = [
  {
    name: "curl-h2",
    client: "curl",
    version: ["curl", "--version"],
    note: "OpenSSL, HTTP/2 offered",
    serverName: NAME,
    alpn: H2,
    ech: false,
    command: (port) => ["curl", ...CURL_URL(port)],
  },
  {
    name: "curl-http1",
    client: "curl",
    version: ["curl", "--version"],
    note: "OpenSSL, --http1.1",
    serverName: NAME,
    alpn: H1,
    ech: false,
    command: (port) => ["curl", "--http1.1", ...CURL_URL(port)],
  },
  {
    name: "git",
    client: "git",
    version: ["git", "--version"],
    note: "libcurl with GnuTLS",
    serverName: "localhost",
    alpn: H2,
    ech: false,
    command: (port) => ["git", "ls-remote", `https://localhost:${port}/x.git`],
  },
  {
    name: "wget",
    client: "wget",
    version: ["wget", "--version"],
    note: "GnuTLS",
    serverName: "localhost",
    alpn: NO_ALPN,
    ech: false,
    command: (port) => ["wget", "-t1", "-O/dev/null", `https://localhost:${port}/`],
  },
  {
    name: "gnutls-tls13",
    client: "gnutls-cli",
    version: ["gnutls-cli", "--version"],
    note: "TLS 1.3 and below, ALPN",
    serverName: NAME,
    alpn: H2,
    ech: false,
    command: (port) => gnutls(port, ["--alpn=h2", "--alpn=http/1.1"]),
  },
  {
    name: "gnutls-tls12",
    client: "gnutls-cli",
    version: ["gnutls-cli", "--version"],
    note: "TLS 1.2 only",
    serverName: NAME,
    alpn: NO_ALPN,
    ech: false,
    command: (port) => gnutls(port, ["--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2"]),
  },
];

function gnutls(port: number, args: readonly string[]): [string, ...string[]] {
  const fixed = ["--insecure", `--port=${port}`, `--sni-hostname=${NAME}`];
  return ["gnutls-cli", ...fixed, ...args, "127.0.0.1"];
}

const PYTHON = `import socket, ssl, sys
context = ssl.create_default_context()
context.set_alpn_protocols(["h2", "http/1.1"])
context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="${NAME}")`;

const PERL = `use IO::Socket::SSL; IO::Socket::SSL->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0],
  SSL_hostname => "${NAME}", SSL_alpn_protocols => ["http/1.1"], SSL_verify_mode => 0);`;

const JAVA = `import java.net.URI; import java.net.http.*;
class Hello { public static void main(String[] args) throws Exception {
  HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(args[0])).build(),
    HttpResponse.BodyHandlers.discarding()); } }`;

function java(program: string, port: number, folder: string): [string, ...string[]] {
  writeFileSync(join(folder, "hosts"), `127.0.0.1 ${NAME}\n`);
  writeFileSync(join(folder, "Hello.java"), JAVA);
  const hosts = `-Djdk.net.hosts.file=${join(folder, "hosts")}`;
  return [program, hosts, join(folder, "Hello.java"), `https://${NAME}:${port}/`];
}

const RUNTIMES: readonly Client[] = [
  {
    name: "node24",
    client: "Node 24",
    version: [process.execPath, "--version"],
    note: "X25519MLKEM768",
    serverName: NAME,
    alpn: H2,
    ech: false,
    command: (port) => [
      process.execPath,
      "-e",
      nodeScript(port, 'ALPNProtocols: ["h2", "http/1.1"]'),
    ],
  },
  {
    name: "node24-fetch",
    client: "Node 24 fetch",
    version: [process.execPath, "--version"],
    note: "undici",
    serverName: "localhost",
    alpn: H1,
    ech: false,
    command: (port) => [process.execPath, "-e", `fetch("https://localhost:${port}/")`],
  },
  {
    name: "node20",
    client: "Node 20",
    version: [NODE_20, "--version"],
    note: "no ALPN",
    serverName: NAME,
    alpn: NO_ALPN,
    ech: false,
    command: (port) => [NODE_20, "-e", nodeScript(port, "")],
  },
  {
    name: "deno",
    client: "Deno fetch",
    version: [DENO, "--version"],
    note: "rustls",
    serverName: "localhost",
    alpn: H2,
    ech: false,
    command: (port) => [DENO, "eval", `await fetch("https://localhost:${port}/")`],
  },
  {
    name: "bun",
    client: "Bun fetch",
    version: [BUN, "--version"],
    note: "BoringSSL",
    serverName: "localhost",
    alpn: H1,
    ech: false,
    command: (port) => [BUN, "-e", `await fetch("https://localhost:${port}/")`],
  },
  {
    name: "python",
    client: "Python ssl",
    version: ["python3", "--version"],
    note: "OpenSSL",
    serverName: NAME,
    alpn: H2,
    ech: false,
    command: (port) => ["python3", "-c", PYTHON, String(port)],
  },
  {
    name: "perl",
    client: "Perl IO::Socket::SSL",
    version: ["perl", "-MIO::Socket::SSL", "-e", "print IO::Socket::SSL->VERSION"],
    note: "OpenSSL",
    serverName: NAME,
    alpn: H1,
    ech: false,
    command: (port) => ["perl", "-e", PERL, String(port)],
  },
  {
    name: "java17",
    client: "Java HttpClient",
    version: ["java", "--version"],
    note: "JSSE",
    serverName: NAME,
    alpn: H2,
    ech: false,
    command: (port, folder) => java("java", port, folder),
  },
  {
    name: "java25",
    client: "Java HttpClient",
    version: [JAVA_25, "--version"],
    note: "JSSE",
    serverName: NAME,
    alpn: H2,
    ech: false,
    command: (port, folder) => java(JAVA_25, port, folder),
  },
  {
    name: "go",
    client: "hey (Go crypto/tls)",
    version: ["sh", "-c", "strings $(command -v hey) | grep -m1 '^go1'"],
    note: "Go net/http; without -host this client puts the port into the server name",
    serverName: NAME,
    alpn: H2,
    ech: false,
    command: (port) => ["hey", "-n=1", "-c=1", "-h2", "-host", NAME, `https://localhost:${port}/`],
  },
];

const BROWSERS: readonly Client[] = [
  {
    name: "chromium",
    client: "Chromium",
    version: ["chromium", "--version"],
    note: "GREASE, X25519MLKEM768, GREASE ECH, permuted extensions",
    serverName: NAME,
    alpn: H2,
    ech: true,
    command: (port, folder) => [
      "chromium",
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=MAP * 127.0.0.1:${port}`,
      `--user-data-dir=${folder}`,
      `https://${NAME}/`,
    ],
  },
  {
    name: "firefox",
    client: "Firefox",
    version: ["firefox-esr", "--version"],
    note: "X25519MLKEM768, GREASE ECH",
    serverName: NAME,
    alpn: H2,
    ech: true,
    command: (port, folder) => {
      const profile = join(folder, "profile");
      mkdirSync(profile);
      writeFileSync(
        join(profile, "user.js"),
        `user_pref("network.dns.localDomains", "${NAME}");\n`,
      );
      return ["firefox-esr", "--headless", "--profile", profile, `https://${NAME}:${port}/`];
    },
  },
];

/** Every client, in the order of the index. */
export const CLIENTS: readonly Client[] = [...OPENSSL, ...TOOLS, ...RUNTIMES, ...BROWSERS];
