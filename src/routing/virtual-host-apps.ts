/** The Hono apps of a snapshot, built when a virtual host is first asked for. */
import type { Hono } from "hono";
import type { VirtualHost } from "../core/model.ts";
import { buildVirtualHostApp } from "./virtual-host.ts";

/** An app is some tens of KiB once its router is built: this many are about 20 MiB a worker. */
const APPS_MAX = 1024;

/** Owned by one snapshot in one thread; dropped with it. Holds at most APPS_MAX apps. */
export class VirtualHostApps {
  readonly #virtualHosts: readonly VirtualHost[];
  readonly #apps = new Map<number, Hono>();

  /** `virtualHosts` as in the snapshot: the index is the key. */
  constructor(virtualHosts: readonly VirtualHost[]) {
    this.#virtualHosts = virtualHosts;
  }

  /** The app of the virtual host at this index; builds it when it is not there. */
  get(index: number): Hono | undefined {
    const known = this.#apps.get(index);
    if (known !== undefined) return known;
    const virtualHost = this.#virtualHosts[index];
    if (virtualHost === undefined) return undefined;
    if (this.#apps.size >= APPS_MAX) this.#dropOldest();
    const app = buildVirtualHostApp(virtualHost);
    this.#apps.set(index, app);
    return app;
  }

  #dropOldest(): void {
    for (const index of this.#apps.keys()) {
      this.#apps.delete(index);
      return;
    }
  }
}
