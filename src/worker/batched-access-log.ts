/** The access log of one worker: formats lines and hands them on, to the main thread or its own file. */
import type { AccessLogSettings } from "../core/model.ts";
import type { FromWorker } from "../core/messages.ts";
import type { AccessLog } from "../proxy/context.ts";
import { AccessLogWriter } from "../telemetry/access-log-writer.ts";
import {
  type HttpRecord,
  type TunnelRecord,
  formatHttpRecord,
  formatTunnelRecord,
} from "../telemetry/access-log.ts";

/** Lives as long as its worker; the writer behind it changes with the destination. */
export class BatchedAccessLog implements AccessLog {
  readonly #post: (message: FromWorker) => void;
  #writer: AccessLogWriter | undefined;
  #destination = "";
  #dropped = 0;
  #droppedBefore = 0;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  /** See AccessLog. */
  http(record: HttpRecord): void {
    if (this.#writer?.enabled === true) this.#write(formatHttpRecord(record));
  }

  /** See AccessLog. */
  tunnel(record: TunnelRecord): void {
    if (this.#writer?.enabled === true) this.#write(formatTunnelRecord(record));
  }

  /** A reload: an unchanged destination keeps its file. */
  configure(settings: AccessLogSettings): void {
    const destination = JSON.stringify(settings.destination);
    if (destination === this.#destination) return;
    this.#destination = destination;
    this.#droppedBefore += this.#writer?.dropped ?? 0;
    void this.#writer?.close();
    this.#writer = new AccessLogWriter({
      destination: settings.destination,
      post: (lines) => this.#post({ type: "access-log", lines }),
      onProblem: (code) =>
        this.#post({
          type: "log",
          level: "error",
          message: "the access log cannot be written",
          fields: { code },
        }),
    });
  }

  /** SIGUSR1: the file may have been moved away. */
  reopen(): void {
    this.#writer?.reopen();
  }

  /** Hands on what is there and closes. */
  async close(): Promise<void> {
    await this.#writer?.close();
  }

  #write(line: string): void {
    this.#writer?.write(line);
    const total = this.#droppedBefore + (this.#writer?.dropped ?? 0);
    if (total === this.#dropped) return;
    this.#dropped = total;
    this.#post({ type: "access-log-dropped", total });
  }
}
