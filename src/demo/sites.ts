import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Certificate } from "./certificate.ts";

/** One of the two built-in sites, listening on loopback. */
export interface Site {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Closes the listener and every connection. */
  close(): Promise<void>;
}

/** Starts the site that stands for your own nginx: plain HTTP on a free loopback port. Rejects if it cannot listen. */
export function startPlainSite(): Promise<Site> {
  return listen(createServer(answerPlain));
}

/**
 * Starts the site that stands for the real nginx.com: HTTPS with its own certificate on a free loopback port.
 * It answers as such sites do, with a redirect that has an HTML body. Rejects if it cannot listen.
 */
export function startTlsSite({ certificate, privateKey }: Certificate): Promise<Site> {
  return listen(createTlsServer({ cert: certificate, key: privateKey }, answerTls));
}

/** Whether 127.0.0.1 has this port free: the code of what stands against it, undefined if nothing does. Port 0 is free. */
export async function probePort(port: number): Promise<string | undefined> {
  try {
    await (await listen(createServer(), port)).close();
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "EUNKNOWN";
  }
}

/** So many different ports of 127.0.0.1 that are free now. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  // All are held before the first one is given back: none can be found twice.
  const held = await Promise.all(Array.from({ length: count }, () => listen(createServer())));
  await Promise.all(held.map((site) => site.close()));
  return held.map((site) => site.port);
}

const answerPlain: RequestListener = (request, response) => {
  const text = `This is your own nginx, asked for http://${request.headers.host ?? ""}${request.url ?? ""}`;
  const body = page("Welcome to your own nginx", text);
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "content-length": body.length,
  });
  response.end(body);
};

const answerTls: RequestListener = (request, response) => {
  const body = page("301 Moved Permanently", "This is the other site, with its own certificate.");
  response.writeHead(301, {
    location: `https://www.nginx.com${request.url ?? "/"}`,
    "content-type": "text/html; charset=utf-8",
    "content-length": body.length,
  });
  response.end(body);
};

/** What the client sent comes back, so it is escaped like anywhere else. */
function page(title: string, text: string): Buffer {
  const safe = text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return Buffer.from(
    `<!doctype html>\n<html lang="en">\n<head><title>${title}</title></head>\n<body>\n<h1>${title}</h1>\n<p>${safe}</p>\n</body>\n</html>\n`,
  );
}

async function listen(server: Server, port = 0): Promise<Site> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port, exclusive: true }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
