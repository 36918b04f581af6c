/** Set by the bundler (`build/bundle.ts`); absent when the sources run as they are. */
declare const GATEHOUSE_VERSION: string | undefined;
declare const GATEHOUSE_COMMIT: string | undefined;

/** What was built, from what, and what it runs on. */
export interface BuildInfo {
  /** The version of package.json, or "dev" when the sources run without a build. */
  readonly version: string;
  /** 12 hex digits with "-dirty" after a build of changed files; "unknown" without git; or "dev". */
  readonly commit: string;
  /** The JavaScript runtime inside the executable, "Node 24.21.0". */
  readonly runtime: string;
}

/** The one build that this process is. */
export const BUILD_INFO: BuildInfo = {
  version: typeof GATEHOUSE_VERSION === "string" ? GATEHOUSE_VERSION : "dev",
  commit: typeof GATEHOUSE_COMMIT === "string" ? GATEHOUSE_COMMIT : "dev",
  runtime: `Node ${process.versions.node}`,
};
