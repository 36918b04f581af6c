/** Endpoints that come and go by DNS, SRV records and files while requests run. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SKIP_DNSMASQ, startDnsmasq } from "../dnsmasq.ts";
import { hasCommand } from "../packages.ts";
import { findFreePort, until } from "../processes.ts";
import { type Gatehouse, startGatehouse, temporaryFolder } from "./harness.ts";
import { runLoad } from "./http-client.ts";
import { type Nginx, startNginx } from "./nginx.ts";

const HOST = "site.test";
const CONNECTIONS = 64;
/** Enough for a few hundred requests a second, so that what changes meets many of them. */
const PAUSE_MS = 50;
const skip = SKIP_DNSMASQ || (!hasCommand("nginx") && "needs nginx");

/** A service under this table, and one HTTP route to it that may be retried. */
function config(port: number, service: string): string {
  return `
access_log.path = "off"

[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"

[[virtual_service]]
hosts = ["${HOST}"]

[[virtual_service.http]]
route = "site"
retries = { attempts = 3, on = ["connect-failure", "reset"] }

[service.site]
balancer = "round_robin"
pool.retries = ${CONNECTIONS}
outlier = { interval = "250ms", ejection = "500ms" }
${service}
`;
}

/** An nginx whose answers end with its name. */
const startSite = (
  t: TestContext,
  name: string,
  where: { readonly port: number; readonly address?: string; readonly socket?: string },
): Promise<Nginx> =>
  startNginx(t, { locations: `location / { return 200 "${name} here."; }`, ...where });

interface Load {
  /** Waits until this site has answered so many more requests. */
  readonly pass: (name: string, requests: number) => Promise<void>;
  /** Waits until this site has answered none of so many requests in a row. */
  readonly passWithout: (name: string, requests: number) => Promise<void>;
  /** Ends it; fails when a request has failed. */
  readonly end: () => Promise<void>;
}

function startLoad(t: TestContext, port: number): Load {
  const state = { isOver: false, answers: [] as string[] };
  const load = runLoad({
    port,
    host: HOST,
    connections: CONNECTIONS,
    marker: "here.",
    pauseMs: PAUSE_MS,
    more: () => !state.isOver,
    onAnswer: (text) => void state.answers.push(/(\w+) here\.$/.exec(text)?.[1] ?? "nobody"),
  });
  t.after(() => {
    state.isOver = true;
  });
  const count = (name: string): number => state.answers.filter((each) => each === name).length;
  return {
    pass: async (name, requests) => {
      const goal = count(name) + requests;
      await until(`${requests} more answers of ${name}`, () =>
        count(name) >= goal ? true : undefined,
      );
    },
    passWithout: async (name, requests) => {
      await until(`no answer of ${name} among ${requests}`, () => {
        const last = state.answers.slice(-requests);
        return last.length === requests && !last.includes(name) ? true : undefined;
      });
    },
    end: async () => {
      state.isOver = true;
      const { answered, failures } = await load;
      t.diagnostic(`${answered} requests answered, ${failures.length} failed`);
      assert.deepEqual(failures, []);
    },
  };
}

/** What `GET /services` says of the first name that the service hangs on. */
async function firstName(
  gatehouse: Gatehouse,
): Promise<{ readonly error?: string; readonly addresses: readonly string[] }> {
  const { text } = await gatehouse.ask("/services");
  const { services } = JSON.parse(text) as {
    services: readonly { names: readonly { error?: string; addresses: readonly string[] }[] }[];
  };
  return services[0]?.names[0] ?? { addresses: [] };
}

async function untilName(
  gatehouse: Gatehouse,
  what: string,
  isIt: (name: Awaited<ReturnType<typeof firstName>>) => boolean,
): Promise<void> {
  await until(what, async () => (isIt(await firstName(gatehouse)) ? true : undefined));
}

test("endpoints of a name come, go, die, and come back while requests run", { skip }, async (t) => {
  const hosts = join(temporaryFolder(t), "hosts");
  const write = (...addresses: readonly string[]): void =>
    writeFileSync(hosts, addresses.map((each) => `${each} ${HOST}\n`).join(""));
  const records = [`--addn-hosts=${hosts}`, "--local-ttl=1", "--local=/test/"];
  const port = await findFreePort();
  const sitePort = await findFreePort();
  await startSite(t, "a", { port: sitePort, address: "127.0.0.2" });
  const b = await startSite(t, "b", { port: sitePort, address: "127.0.0.3" });
  write("127.0.0.2", "127.0.0.3");
  const dns = await startDnsmasq(t, records);
  const service = `dns = "${HOST}:${sitePort}"\n[dns]\nservers = ["${dns.address}"]`;
  const gatehouse = await startGatehouse(t, { config: config(port, service) });
  const load = startLoad(t, port);
  await load.pass("a", 100);
  await load.pass("b", 100);

  await t.test("one comes", async () => {
    await startSite(t, "c", { port: sitePort, address: "127.0.0.4" });
    write("127.0.0.2", "127.0.0.3", "127.0.0.4");
    dns.reread();
    await load.pass("c", 100);
  });

  await t.test("one goes", async () => {
    write("127.0.0.3", "127.0.0.4");
    dns.reread();
    await load.passWithout("a", 200);
  });

  await t.test("one is killed, and comes back", async () => {
    await b.kill();
    await load.pass("c", 500);
    await startSite(t, "b", { port: sitePort, address: "127.0.0.3" });
    await load.pass("b", 100);
  });

  await t.test("DNS dies: the last answer stays and that shows; DNS comes back", async () => {
    await dns.kill();
    await untilName(gatehouse, "the name's error", ({ error }) => error !== undefined);
    assert.deepEqual((await firstName(gatehouse)).addresses, ["127.0.0.3", "127.0.0.4"]);
    await load.pass("b", 100);
    write("127.0.0.2", "127.0.0.3", "127.0.0.4");
    await startDnsmasq(t, records, dns.port);
    await load.pass("a", 100);
    assert.equal((await firstName(gatehouse)).error, undefined);
  });

  await t.test("no request has failed", load.end);
});

test("SRV records move a service while requests run", { skip }, async (t) => {
  const port = await findFreePort();
  const [first, second] = [await findFreePort(), await findFreePort()];
  const name = `_http._tcp.${HOST}`;
  await startSite(t, "a", { port: first });
  const b = await startSite(t, "b", { port: second });
  const host = [`--host-record=${HOST},127.0.0.1,1`, "--local=/test/"];
  const record = (each: number, priority: number): string =>
    `--srv-host=${name},${HOST},${each},${priority},1`;
  const dns = await startDnsmasq(t, [...host, record(first, 2), record(second, 1)]);
  const service = `srv = "${name}"\n[dns]\nservers = ["${dns.address}"]`;
  const gatehouse = await startGatehouse(t, { config: config(port, service) });
  const load = startLoad(t, port);
  await load.pass("b", 100);
  await load.passWithout("a", 100);

  await t.test("the second choice takes over when the first one dies", async () => {
    await b.kill();
    await load.pass("a", 200);
    await startSite(t, "b", { port: second });
    await load.pass("b", 100);
  });

  await t.test("other priorities, after DNS was away", async () => {
    await dns.kill();
    await untilName(gatehouse, "the error", ({ error }) => error !== undefined);
    await startDnsmasq(t, [...host, record(first, 1), record(second, 2)], dns.port);
    await load.passWithout("b", 200);
  });

  await t.test("no request has failed", load.end);
});

test("a file of endpoints is followed while requests run", { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "list.json");
  const socket = join(folder, "app.sock");
  const replace = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const port = await findFreePort();
  const [first, second] = [await findFreePort(), await findFreePort()];
  await startSite(t, "a", { port: first });
  await startSite(t, "b", { port: second, socket });
  replace(JSON.stringify([`127.0.0.1:${first}`]));
  const gatehouse = await startGatehouse(t, { config: config(port, `file = "${path}"`) });
  const load = startLoad(t, port);
  await load.pass("a", 100);

  await t.test("a Unix socket takes over", async () => {
    replace(JSON.stringify([{ address: `unix:${socket}`, labels: { version: "2" } }]));
    await load.passWithout("a", 200);
  });

  await t.test("a file that is wrong changes nothing, and says so", async () => {
    replace('["127.0.0.1:80",]');
    await gatehouse.log.waitFor({ message: "file of endpoints is not used" });
    await untilName(
      gatehouse,
      "the error",
      ({ error }) => error?.startsWith("is not JSON") === true,
    );
    await load.pass("b", 100);
    replace(JSON.stringify([`unix:${socket}`, `127.0.0.1:${first}`]));
    await load.pass("a", 100);
    await gatehouse.log.waitFor({ message: "file of endpoints is good again" });
  });

  await t.test("no request has failed", load.end);
});
