/** Where the configuration comes from, each time it is asked for. */
import { checkConfig } from "../config/check.ts";
import type { Finding } from "../config/finding.ts";
import { hashText } from "../config/crypto.ts";
import { readConfigFile } from "../config/read.ts";
import type { MetricLayout } from "../core/metric-layout.ts";
import type { Snapshot } from "../core/model.ts";
import { type Result, failed } from "../core/result.ts";

/** What a check found; without a snapshot there are errors among the findings, or the file could not be read. */
export interface CheckedSource {
  readonly snapshot: Snapshot | undefined;
  readonly findings: readonly Finding[];
  /** Why the file could not be read. */
  readonly error: string | undefined;
}

/** Reads and checks. */
export interface ConfigSource {
  /** `version` is the one that the snapshot is to have. Never rejects. */
  check(version: number): Promise<CheckedSource>;
}

/** A configuration's text; bytes are read as UTF-8. */
export interface ConfigText {
  readonly text: string | Uint8Array;
}

/** What to read: a file by its path, or what stands for one. */
export interface ConfigOrigin {
  /** As the user gave it. */
  readonly path: string;
  readonly read: () => Promise<Result<ConfigText, string>>;
}

/** The file at `path`, read anew each time; `-` is stdin, which can be read only once. */
export function configFile(path: string): ConfigOrigin {
  let wasRead = false;
  const read = async (): Promise<Result<ConfigText, string>> => {
    if (path === STDIN && wasRead) return failed("stdin was read at the start; run with a file");
    wasRead = true;
    return readConfigFile(path);
  };
  return { path, read };
}

const STDIN = "-";

/** The source that `run` and each reload use. */
export function createConfigSource(origin: ConfigOrigin, layout: MetricLayout): ConfigSource {
  return {
    async check(version) {
      const read = await origin.read();
      if (!read.ok) return { snapshot: undefined, findings: [], error: read.error };
      const { text } = read.value;
      const now = new Date().toISOString();
      const checked = checkConfig({
        text,
        hash: hashText,
        file: origin.path,
        version,
        now,
        layout,
      });
      return { ...checked, error: undefined };
    },
  };
}
