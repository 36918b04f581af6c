/** What a command sees of the process. */
export interface CliIo {
  /** For what was asked for: JSON, tables, help. */
  readonly stdout: (text: string) => void;
  /** For people: findings, problems, progress. */
  readonly stderr: (text: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Which of the two may be coloured. */
  readonly colour: { readonly stdout: boolean; readonly stderr: boolean };
  /** Lines of the terminal that stdout is; undefined when it is none. */
  readonly rows: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves after a time; false = go no further. */
  readonly pause: (ms: number) => Promise<boolean>;
  /** Ends the process by force if something still keeps it alive after this time. */
  readonly endWithin: (ms: number) => void;
}

/** Exit codes: everybody's scripts rely on them. */
export const EXIT_FINE = 0;
/** It did not work. */
export const EXIT_FAILED = 1;
/** It was asked for wrongly, or the configuration is wrong. */
export const EXIT_WRONG = 2;
