import type { Endpoint, EndpointSets, Service } from "../core/service.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { type HostsTable, parseHosts } from "./hosts-file.ts";
import { readIpv6Support } from "./interfaces.ts";
import { lookUp } from "./look-up.ts";
import { type Log, type NameStatus, NameWatcher } from "./name-watcher.ts";
import { ParsedFile } from "./parsed-file.ts";
import { parseResolvConf, type ResolvConf } from "./resolv-conf.ts";
import { namesOf, sameEndpoints, unionOf } from "./service-endpoints.ts";
import { Slots } from "./slots.ts";

/** What discovery needs; the parts with a default are replaced in tests. */
export interface DiscoveryOptions {
  /** The set of this service is another one now. Also called from within `apply`. */
  readonly publish: (service: string, endpoints: readonly Endpoint[]) => void;
  readonly log: Log;
  readonly clock?: Clock;
  readonly hostsPath?: string;
  readonly resolvConfPath?: string;
  readonly readIpv6Support?: typeof readIpv6Support;
  /** First wait for a DNS server where resolv.conf says nothing; 2000. */
  readonly queryTimeoutMs?: number;
}

/** Says where the endpoints of services are. Opens nothing towards them. */
export interface Discovery {
  /**
   * From now on these services count, asked for at these DNS servers (`"192.0.2.1"`, `"192.0.2.1:5353"`, `"[::1]:53"`;
   * empty = those of resolv.conf). Starts, keeps and stops what differs: a name that stays keeps its addresses and
   * its time. Names of the services before are kept, paused, until the next call, so that a reload that is taken back
   * finds them as they were.
   */
  apply(services: readonly Service[], servers: readonly string[]): void;
  /** All sets now; what `publish` said last of each service, and an empty list where there was nothing to say yet. */
  endpoints(): EndpointSets;
  /** What is known of the names of one service, in the file's order; empty for an unknown service. */
  status(service: string): readonly NameStatus[];
  /** Resolves when each name of these services has its first answer or failure, at the latest after `timeoutMs`. */
  settled(services: readonly Service[], timeoutMs: number): Promise<void>;
  /** Stops all timers and lookups. The sets stay readable. */
  close(): void;
}

// Each lookup is a socket or two; with silent servers so many of them wait.
const LOOKUPS_MAX = 64;
// How soon a change of /etc/hosts or resolv.conf counts. Two stat calls.
const FILES_CHECK_MS = 5000;

/** Creates a discovery without services. Reads the hosts file and resolv.conf once; never throws. */
export function createDiscovery(options: DiscoveryOptions): Discovery {
  return new NameDiscovery(options);
}

class NameDiscovery implements Discovery {
  readonly #options: DiscoveryOptions;
  readonly #clock: Clock;
  readonly #slots = new Slots(LOOKUPS_MAX);
  readonly #hosts: ParsedFile<HostsTable>;
  readonly #resolvConf: ParsedFile<ResolvConf>;
  #services: readonly Service[] = [];
  #servers: readonly string[] = [];
  #watchers = new Map<string, NameWatcher>();
  #retired = new Map<string, NameWatcher>();
  #published = new Map<string, readonly Endpoint[]>();
  #filesTimer: unknown;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#hosts = new ParsedFile(options.hostsPath ?? "/etc/hosts", parseHosts);
    this.#resolvConf = new ParsedFile(
      options.resolvConfPath ?? "/etc/resolv.conf",
      parseResolvConf,
    );
  }

  apply(services: readonly Service[], servers: readonly string[]): void {
    const otherServers = servers.join() !== this.#servers.join();
    this.#services = services;
    this.#servers = servers;
    const started = this.#replaceWatchers(new Set(services.flatMap(namesOf)));
    if (otherServers) this.#refreshAll();
    else for (const watcher of started) watcher.resume();
    this.#forgetAllBut(new Set(services.map((service) => service.name)));
    for (const service of services) this.#publishIfChanged(service);
    this.#watchFiles();
  }

  endpoints(): EndpointSets {
    return Object.fromEntries(
      this.#services.map(({ name }) => [name, this.#published.get(name) ?? []]),
    );
  }

  status(service: string): readonly NameStatus[] {
    const found = this.#services.find((each) => each.name === service);
    return found === undefined ? [] : this.#watchersOf(found).map((watcher) => watcher.status());
  }

  async settled(services: readonly Service[], timeoutMs: number): Promise<void> {
    const names = services.flatMap((service) => this.#watchersOf(service));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.set(resolve, timeoutMs);
    await Promise.race([promise, Promise.all(names.map((watcher) => watcher.settled))]);
    this.#clock.clear(timer);
  }

  close(): void {
    this.#clock.clear(this.#filesTimer);
    for (const watcher of this.#watchers.values()) watcher.pause();
  }

  /** One generation of dropped names is remembered, no more: the map cannot grow over reloads. */
  #replaceWatchers(names: ReadonlySet<string>): readonly NameWatcher[] {
    const active = this.#watchers;
    const retired = this.#retired;
    this.#retired = new Map([...active].filter(([host]) => !names.has(host)));
    for (const watcher of this.#retired.values()) watcher.pause();
    this.#watchers = new Map(
      [...names].map((host) => [
        host,
        active.get(host) ?? retired.get(host) ?? this.#createWatcher(host),
      ]),
    );
    return [...names]
      .filter((host) => !active.has(host))
      .flatMap((host) => this.#watchers.get(host) ?? []);
  }

  #createWatcher(host: string): NameWatcher {
    const readSupport = this.#options.readIpv6Support ?? readIpv6Support;
    return new NameWatcher(host, {
      clock: this.#clock,
      slots: this.#slots,
      log: this.#options.log,
      ipv6Usable: () => readSupport().usable,
      changed: () => this.#publishAllOf(host),
      lookUp: (name, answeredAs) =>
        lookUp({
          host: name,
          answeredAs,
          hosts: this.#hosts.value,
          conf: this.#resolvConf.value,
          servers: this.#servers,
          ipv6Loopback: readSupport().loopback,
          queryTimeoutMs: this.#options.queryTimeoutMs,
        }),
    });
  }

  #refreshAll(): void {
    for (const watcher of this.#watchers.values()) watcher.refresh();
  }

  #forgetAllBut(services: ReadonlySet<string>): void {
    for (const name of this.#published.keys()) {
      if (!services.has(name)) this.#published.delete(name);
    }
  }

  #publishAllOf(host: string): void {
    for (const service of this.#services) {
      if (namesOf(service).includes(host)) this.#publishIfChanged(service);
    }
  }

  #publishIfChanged(service: Service): void {
    const now = unionOf(service, (name) => this.#watchers.get(name)?.addresses ?? []);
    if (sameEndpoints(now, this.#published.get(service.name) ?? [])) return;
    this.#published.set(service.name, now);
    this.#options.publish(service.name, now);
  }

  #watchersOf(service: Service): readonly NameWatcher[] {
    return namesOf(service).flatMap((host) => this.#watchers.get(host) ?? []);
  }

  #watchFiles(): void {
    this.#clock.clear(this.#filesTimer);
    if (this.#watchers.size === 0) return;
    this.#filesTimer = this.#clock.set(() => {
      // Both are read, whatever the first one says.
      const changed = [this.#hosts.refresh(), this.#resolvConf.refresh()];
      if (changed.includes(true)) this.#refreshAll();
      this.#watchFiles();
    }, FILES_CHECK_MS);
  }
}
