/** An explanation as a tree for people. Pure. */
import type { ExplainCandidate, ExplainPlace, ExplainService, ExplainView } from "../core/views.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";
import { levelWords } from "./level-words.ts";

const BOLD = "\x1b[1m";
const RESET = "\x1b[0m";

/** Lines that end in a line feed; the first is what was asked, in bold if asked. */
export function renderExplanation(view: ExplainView, colour: boolean): string {
  const title = escapeUnsafe(view.asked);
  const lines = [
    row("listener", view.listener),
    ...losers(view, "listener"),
    row("gateway", at(view, view.gateway)),
    ...losers(view, "gateway"),
    row("virtual service", at(view, view.virtual_service)),
    ...losers(view, "route"),
    row("route", at(view, view.route)),
    row("action", view.action),
    row("request", requestWords(view)),
    ...view.services.flatMap((service) => serviceLines(view, service)),
    row("refused", refusalWords(view)),
  ].filter((line) => line !== undefined);
  const body = lines.map((line) => `${escapeUnsafe(line)}\n`).join("");
  return `${colour ? `${BOLD}${title}${RESET}` : title}\n${body}`;
}

function row(label: string, text: string | undefined): string | undefined {
  return text === undefined ? undefined : `  ${label}: ${text}`;
}

function at({ source }: ExplainView, place: ExplainPlace | undefined): string | undefined {
  return place === undefined ? undefined : `${place.name} (${source}:${place.line})`;
}

function losers(view: ExplainView, kind: ExplainCandidate["kind"]): string[] {
  return view.candidates
    .filter((candidate) => candidate.kind === kind)
    .flatMap((candidate) => [
      `    not ${kind} ${at(view, candidate) ?? ""}`,
      ...candidate.because.map((reason) => `      ${reason}`),
    ]);
}

function requestWords({ request }: ExplainView): string | undefined {
  return request === undefined
    ? undefined
    : `${request.method} ${request.path}, Host ${request.host}`;
}

function serviceLines(view: ExplainView, service: ExplainService): string[] {
  const { subset, percent, endpoints } = service;
  const part = subset === undefined ? "" : `, subset ${subset}`;
  const share = view.services.length === 1 ? "" : `, ${percent}%`;
  return [
    `  service: ${at(view, service) ?? ""}${part}${share}`,
    ...endpoints.map((endpoint) => {
      const { address, weight, state } = endpoint;
      const words = [address, `weight ${weight}`, ...levelWords(endpoint), state];
      return `    ${words.filter((word) => word !== undefined).join(", ")}`;
    }),
    ...(endpoints.length === 0 ? ["    no endpoint"] : []),
  ];
}

function refusalWords({ refusal, failure }: ExplainView): string | undefined {
  if (refusal === undefined) return undefined;
  return failure === undefined ? refusal : `${refusal} (${failure})`;
}
