import type { Clock } from "./clock.ts";
import type { PlaceList } from "./place-list.ts";
import { Refresher, retryWaitMs } from "./refresher.ts";
import type { Failed, Lookup, Question } from "./resolver.ts";
import type { Slots } from "./slots.ts";
import type { Log, SourceStatus } from "./source-status.ts";
import type { FoundRecords } from "./srv-look-up.ts";
import { RECORDS_MAX, type SrvRecord } from "./srv-records.ts";

/** What a watcher of SRV records works with. */
export interface SrvContext {
  readonly clock: Clock;
  readonly slots: Slots;
  readonly log: Log;
  readonly lookUp: (question: Question) => Lookup<FoundRecords>;
  /** The records are others now. */
  readonly changed: (list: PlaceList) => void;
}

/**
 * The platform's resolver does not tell the TTL of SRV records, and a DNS client of our own for one number is not worth
 * its risks. Who moves services by SRV uses TTLs of this size (Consul 0 s, the DNS of Kubernetes 5 s), and asking a
 * caching resolver every few seconds costs nothing where they are longer.
 */
const INTERVAL_MS = 5000;

/** Keeps the SRV records of one name fresh. A failure keeps the last good ones. Owns its refresher; born paused. */
export class SrvWatcher {
  readonly host: string;
  readonly refresher: Refresher<FoundRecords | Failed>;
  readonly #context: SrvContext;
  #records: readonly SrvRecord[] = [];
  #last: { readonly answeredAs: string; readonly at: number; readonly cut: number } | undefined;
  #failures = 0;
  #error: string | undefined;

  constructor(host: string, context: SrvContext) {
    this.host = host;
    this.#context = context;
    this.refresher = new Refresher(
      {
        begin: () => context.lookUp({ host, answeredAs: this.#last?.answeredAs }),
        take: (answer) => (answer.kind === "found" ? this.#take(answer) : this.#fail(answer.code)),
      },
      context,
    );
  }

  status(): SourceStatus {
    return {
      kind: "srv",
      host: this.host,
      from: this.#last === undefined ? undefined : "dns",
      addresses: this.#records.map(showRecord),
      resolvedAt: this.#last?.at,
      ttlMs: this.#last === undefined ? undefined : INTERVAL_MS,
      nextAt: this.refresher.nextAt,
      error: this.#error,
    };
  }

  #take({ answeredAs, records: all }: FoundRecords): number {
    const records = all.slice(0, RECORDS_MAX);
    const cut = all.length - records.length;
    const isNew = this.#last === undefined || showRecords(records) !== showRecords(this.#records);
    this.#logTaken(records, { cut, isNew });
    this.#records = records;
    this.#last = { answeredAs, at: this.#context.clock.now(), cut };
    this.#failures = 0;
    this.#error = undefined;
    if (isNew) this.#context.changed({ kind: "records", records });
    return INTERVAL_MS;
  }

  #logTaken(
    records: readonly SrvRecord[],
    { cut, isNew }: { readonly cut: number; readonly isNew: boolean },
  ): void {
    const { log } = this.#context;
    const fields = { name: this.host, records: records.length };
    if (this.#error !== undefined) log("info", "SRV records are found again", fields);
    else if (isNew) log("debug", "SRV records found", fields);
    if (isNew && records.length === 0) {
      log("warning", 'SRV says that the service is not available (the one record is ".")', fields);
    }
    if (cut > 0 && cut !== this.#last?.cut) {
      log("warning", "name has more SRV records than are used", { ...fields, left_out: cut });
    }
  }

  #fail(code: string): number {
    if (this.#error === undefined) {
      const fields = { name: this.host, code, kept: this.#records.length };
      this.#context.log("warning", "SRV records are not found", fields);
    }
    this.#failures += 1;
    this.#error = code;
    return retryWaitMs(this.#failures - 1);
  }
}

function showRecord({ host, port, priority, weight }: SrvRecord): string {
  return `${priority} ${weight} ${host.replace(/\.$/, "")}:${port}`;
}

function showRecords(records: readonly SrvRecord[]): string {
  return records.map(showRecord).join();
}
