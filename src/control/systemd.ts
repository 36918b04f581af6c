import { execFile } from "node:child_process";

/** What the service manager is told; what is left out stays as it was (sd_notify(3)). */
export interface SystemdMessage {
  /** `ready` also ends a reload. */
  readonly state?: "ready" | "reloading" | "stopping";
  /** One line for `systemctl status`. */
  readonly status?: string;
}

/** Tells systemd how the box is. Without systemd it does nothing. */
export interface SystemdNotifier {
  /** Sends in the background, in order; never throws. Of several messages that wait, the later wins in each part. */
  notify(message: SystemdMessage): void;
  /** Resolves when everything that was said has been sent or has failed. Never rejects. */
  flush(): Promise<void>;
}

/** What the notifier works with. */
export interface SystemdOptions {
  /** `NOTIFY_SOCKET` says whether there is a service manager, `PATH` where its programs are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Microseconds of CLOCK_MONOTONIC, which is what `process.hrtime` counts too. */
  readonly monotonicUs: () => bigint;
  /** Told of the first message that could not be sent, not of those after it. */
  readonly failed: (reason: string) => void;
}

const PROGRAM = "systemd-notify";
const PATH_DEFAULT = "/usr/bin:/bin";
// systemd-notify waits up to 5 s until the manager has read the message; one that hangs longer is ended.
const SEND_TIMEOUT_MS = 10_000;
const STATUS_LENGTH_MAX = 200;

/**
 * Creates the notifier of this process. Messages go through the program `systemd-notify`, for Node has no AF_UNIX
 * datagram sockets and the libraries that do are native addons, which one executable cannot carry on its own.
 * Hence `NotifyAccess=all` in the unit: the program is our child, not the main process. It waits until the manager
 * has taken the message (BARRIER=1), so that its exit cannot make the sender unknown.
 */
export function createSystemdNotifier(options: SystemdOptions): SystemdNotifier {
  if ((options.environment["NOTIFY_SOCKET"] ?? "") === "") {
    return { notify: () => undefined, flush: () => Promise.resolve() };
  }
  return new ProgramNotifier(options);
}

/** One program at a time keeps the order; one message waits at most. */
class ProgramNotifier implements SystemdNotifier {
  readonly #options: SystemdOptions;
  #waiting: SystemdMessage | undefined;
  #sending: Promise<void> | undefined;
  #hasFailed = false;

  constructor(options: SystemdOptions) {
    this.#options = options;
  }

  notify(message: SystemdMessage): void {
    this.#waiting = { ...this.#waiting, ...message };
    this.#sending ??= this.#sendAll();
  }

  async flush(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting; next !== undefined; next = this.#waiting) {
      this.#waiting = undefined;
      const reason = await send(assignments(next, this.#options), this.#options);
      if (reason !== undefined && !this.#hasFailed) this.#options.failed(reason);
      this.#hasFailed ||= reason !== undefined;
    }
    this.#sending = undefined;
  }
}

/** The message as arguments, one assignment each: no shell, so a value needs no quoting. */
function assignments(message: SystemdMessage, options: SystemdOptions): readonly string[] {
  const list: string[] = [];
  if (message.state === "ready") list.push("READY=1", `MAINPID=${process.pid}`);
  if (message.state === "stopping") list.push("STOPPING=1");
  if (message.state === "reloading") {
    // Type=notify-reload (systemd 253) takes only a RELOADING=1 that says when.
    list.push("RELOADING=1", `MONOTONIC_USEC=${options.monotonicUs()}`);
  }
  if (message.status !== undefined) list.push(`STATUS=${oneLine(message.status)}`);
  return list;
}

/** No line break, which would begin another assignment, and no NUL, which no argument can carry. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").slice(0, STATUS_LENGTH_MAX);
}

/** Runs the program to its end: undefined, or why it failed. */
function send(
  args: readonly string[],
  { environment }: SystemdOptions,
): Promise<string | undefined> {
  const settings = {
    timeout: SEND_TIMEOUT_MS,
    killSignal: "SIGKILL",
    // Nothing else of our environment is its business.
    env: { NOTIFY_SOCKET: environment["NOTIFY_SOCKET"], PATH: environment["PATH"] ?? PATH_DEFAULT },
  } as const;
  return new Promise((resolve) => {
    execFile(PROGRAM, args, settings, (error, _stdout, stderr) => {
      if (error === null) resolve(undefined);
      else resolve(oneLine(stderr) || error.message);
    });
  });
}
