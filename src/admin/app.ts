/** The admin API as a Hono app: it asks injected functions and knows no live object. */
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { NONCE, secureHeaders, type SecureHeadersVariables } from "hono/secure-headers";
import type { AdminAddress } from "../core/model.ts";
import type { Result } from "../core/result.ts";
import type {
  ConnectionsView,
  DrainReport,
  EndpointReport,
  ErrorView,
  ExplainView,
  ListenersView,
  ReadinessView,
  ReloadReport,
  RoutesView,
  ServicesView,
  SnapshotView,
} from "../core/views.ts";
import type { AskedQuestion } from "../routing/explain-question.ts";
import { readSigns, refusalOf } from "./access.ts";
import { renderPage } from "./page.ts";

/** What the admin API can say and do; given by the control plane. */
export interface AdminFunctions {
  readonly readiness: () => ReadinessView;
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  readonly snapshot: () => SnapshotView;
  readonly listeners: () => ListenersView;
  readonly routes: () => RoutesView;
  readonly services: () => Promise<ServicesView>;
  /** By the texts of the query string; a sentence when they are wrong. */
  readonly connections: (
    asked: Readonly<Record<string, string>>,
  ) => Promise<Result<ConnectionsView, string>>;
  /** A sentence when the question is wrong. */
  readonly explain: (asked: AskedQuestion) => Promise<Result<ExplainView, string>>;
  /** Takes an endpoint out of service by hand, or puts it back; a sentence when there is none. */
  readonly setOut: (change: {
    readonly service: string;
    readonly address: string;
    readonly out: boolean;
  }) => Result<EndpointReport, string>;
  readonly reload: () => Promise<ReloadReport>;
  /** Begins to drain; the process ends when that is done. */
  readonly drain: () => DrainReport;
  /** Something threw while a request was answered. */
  readonly problem: (error: unknown) => void;
}

/** The environment of the app: node's own request, for what a web Request does not tell. */
interface AdminEnvironment {
  readonly Bindings: HttpBindings;
  readonly Variables: SecureHeadersVariables;
}

/** The app as `createAdminServer` takes it. */
export type AdminApp = Hono<AdminEnvironment>;

/** No endpoint reads a body; a client may send a small one all the same. */
const BODY_BYTES_MAX = 64 * 1024;
/** Which connections the page has: those that one looks for when the box is busy. */
const PAGE_CONNECTIONS = { sort: "bytes", limit: "20" };
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Builds the app. Every request passes the access check first, whatever its path; what changes state is POST; every
 * answer is closed, uncached and unusable for other pages.
 */
export function createAdminApp(functions: AdminFunctions, address: AdminAddress): AdminApp {
  const app: AdminApp = new Hono();
  app.use(protectAnswers(), answerOnce, checkAccess(address), limitBody);
  addReadings(app, functions);
  addChanges(app, functions);
  app.notFound((c) => sayError(c, 404, "There is nothing here."));
  app.onError((error, c) => {
    functions.problem(error);
    return sayError(c, 500, "Internal error.");
  });
  return app;
}

function addReadings(app: AdminApp, functions: AdminFunctions): void {
  const readings: Readonly<Record<string, (c: AdminContext) => Response | Promise<Response>>> = {
    "/": async (c) => {
      const connections = await functions.connections(PAGE_CONNECTIONS);
      if (!connections.ok) throw new Error(connections.error);
      const live = { connections: connections.value, ...(await functions.services()) };
      return c.html(renderPage(functions, live, c.get("secureHeadersNonce") ?? ""));
    },
    "/healthz": (c) => say(c, 200, { status: "ok" }),
    "/readyz": (c) => {
      const readiness = functions.readiness();
      return say(c, readiness.ready ? 200 : 503, readiness);
    },
    "/metrics": async (c) =>
      c.body(await functions.metrics(), 200, { "Content-Type": METRICS_TYPE }),
    "/snapshot": (c) => say(c, 200, functions.snapshot()),
    "/listeners": (c) => say(c, 200, functions.listeners()),
    "/routes": (c) => say(c, 200, functions.routes()),
    "/services": async (c) => say(c, 200, await functions.services()),
    "/connections": async (c) => {
      const connections = await functions.connections(c.req.query());
      return connections.ok ? say(c, 200, connections.value) : sayError(c, 400, connections.error);
    },
    "/explain": async (c) => {
      const explained = await functions.explain(readAsked(c));
      return explained.ok ? say(c, 200, explained.value) : sayError(c, 400, explained.error);
    },
  };
  for (const [path, reading] of Object.entries(readings)) {
    app.get(path, reading);
    app.all(path, (c) => refuseMethod(c, "GET, HEAD"));
  }
}

function readAsked(c: AdminContext): AskedQuestion {
  return {
    url: c.req.query("url") ?? "",
    method: c.req.query("method") ?? "GET",
    headers: c.req.queries("header") ?? [],
    alpn: c.req.queries("alpn") ?? [],
    source: c.req.query("source") ?? "",
  };
}

function addChanges(app: AdminApp, functions: AdminFunctions): void {
  app.post("/reload", async (c) => {
    const report = await functions.reload();
    return say(c, reloadStatus(report), report);
  });
  app.post("/drain", (c) => say(c, 202, functions.drain()));
  for (const out of [true, false]) {
    app.post(`/endpoints/${out ? "out" : "in"}`, (c) => {
      const { service = "", address = "" } = c.req.query();
      const report = functions.setOut({ service, address, out });
      return report.ok ? say(c, 200, report.value) : sayError(c, 404, report.error);
    });
  }
  for (const path of ["/reload", "/drain", "/endpoints/:way{in|out}"])
    app.all(path, (c) => refuseMethod(c, "POST"));
}

type AdminContext = Context<AdminEnvironment>;

function protectAnswers(): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: [NONCE],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    // Plain HTTP, and on localhost it would bind every other program there too.
    strictTransportSecurity: false,
  });
}

/** Nothing may be kept by a cache, and no connection is kept: requests are rare, and stopping is simple then. */
const answerOnce: MiddlewareHandler<AdminEnvironment> = async (c, next) => {
  await next();
  c.header("Cache-Control", "no-store");
  c.header("Connection", "close");
};

function checkAccess(address: AdminAddress): MiddlewareHandler<AdminEnvironment> {
  return async (c, next) => {
    const { incoming } = c.env;
    // The absolute form names a host of its own, beside the one that is checked (RFC 9112 §3.2.2).
    if (incoming.url?.startsWith("/") !== true) return sayError(c, 400, "Not a path.");
    const signs = readSigns(incoming.rawHeaders, incoming.socket.localAddress);
    const refusal = refusalOf(signs, address);
    return refusal === undefined ? next() : sayError(c, 403, refusal);
  };
}

/**
 * Bounds the body by what it announces. Hono's own body limit makes a new Request, which this adapter's lightweight one
 * cannot become while the globals are left alone.
 */
const limitBody: MiddlewareHandler<AdminEnvironment> = async (c, next) => {
  const { headers } = c.env.incoming;
  if (headers["transfer-encoding"] !== undefined) return sayError(c, 411, "Length required.");
  const length = Number(headers["content-length"] ?? "0");
  return length <= BODY_BYTES_MAX ? next() : sayError(c, 413, "Body too large.");
};

function reloadStatus(report: ReloadReport): 200 | 422 | 500 {
  if (report.ok) return 200;
  return report.findings.some(({ severity }) => severity === "error") ? 422 : 500;
}

function refuseMethod(c: Context, allowed: string): Response {
  c.header("Allow", allowed);
  return sayError(c, 405, `Only ${allowed} here.`);
}

type Status = 200 | 202 | 400 | 403 | 404 | 405 | 411 | 413 | 422 | 500 | 503;

function sayError(c: Context, status: Status, error: string): Response {
  const view: ErrorView = { error };
  return say(c, status, view);
}

/** Indented: people read it with curl. */
function say(c: Context, status: Status, value: object): Response {
  const type = { "Content-Type": "application/json; charset=utf-8" };
  return c.body(`${JSON.stringify(value, undefined, 2)}\n`, status, type);
}
