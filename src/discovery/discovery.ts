import type { Endpoint, EndpointSets, Service } from "../core/service.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import type { ParseEndpoints } from "./file-watcher.ts";
import { type HostsTable, parseHosts } from "./hosts-file.ts";
import { readIpv6Support } from "./interfaces.ts";
import { type ListWatcher, createListWatcher } from "./list-watcher.ts";
import type { KnownNames } from "./listing.ts";
import { lookUp } from "./look-up.ts";
import { NameWatcher } from "./name-watcher.ts";
import { ParsedFile } from "./parsed-file.ts";
import { type ResolvConf, parseResolvConf } from "./resolv-conf.ts";
import { ENDPOINTS_MAX, listKeysOf, namesOf, sameEndpoints, unionOf } from "./service-endpoints.ts";
import { Slots } from "./slots.ts";
import type { Log, SourceStatus } from "./source-status.ts";
import { lookUpSrv } from "./srv-look-up.ts";
import { WatcherSet } from "./watcher-set.ts";

/** What discovery needs; the parts with a default are replaced in tests. */
export interface DiscoveryOptions {
  /** The set of this service is another one now. Also called from within `apply`. */
  readonly publish: (service: string, endpoints: readonly Endpoint[]) => void;
  readonly log: Log;
  /** Reads the files that services name. */
  readonly parseEndpoints: ParseEndpoints;
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
   * its time. Names and lists of the services before are kept, paused, until the next call, so that a reload that is
   * taken back finds them as they were.
   */
  apply(services: readonly Service[], servers: readonly string[]): void;
  /** All sets now; what `publish` said last of each service, and an empty list where there was nothing to say yet. */
  endpoints(): EndpointSets;
  /**
   * What is known of what one service's endpoints hang on, in the file's order: its names, and of its lists each
   * followed by the names in it. Empty for an unknown service.
   */
  status(service: string): readonly SourceStatus[];
  /** Resolves when each source of these services has its first answer or failure, at the latest after `timeoutMs`. */
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
  return new SourceDiscovery(options);
}

class SourceDiscovery implements Discovery {
  readonly #options: DiscoveryOptions;
  readonly #clock: Clock;
  readonly #slots = new Slots(LOOKUPS_MAX);
  readonly #hosts: ParsedFile<HostsTable>;
  readonly #resolvConf: ParsedFile<ResolvConf>;
  readonly #names: WatcherSet<NameWatcher>;
  readonly #lists: WatcherSet<ListWatcher>;
  #services: readonly Service[] = [];
  #servers: readonly string[] = [];
  #published = new Map<string, readonly Endpoint[]>();
  /** Services that have more endpoints than are used, and how many. */
  readonly #cut = new Map<string, number>();
  #filesTimer: unknown;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#hosts = new ParsedFile(options.hostsPath ?? "/etc/hosts", parseHosts);
    this.#resolvConf = new ParsedFile(
      options.resolvConfPath ?? "/etc/resolv.conf",
      parseResolvConf,
    );
    this.#names = new WatcherSet((host) => this.#createNameWatcher(host));
    this.#lists = new WatcherSet((key) => this.#createListWatcher(key));
  }

  apply(services: readonly Service[], servers: readonly string[]): void {
    const otherServers = servers.join() !== this.#servers.join();
    this.#services = services;
    this.#servers = servers;
    const lists = this.#lists.replace(new Set(services.flatMap(listKeysOf)));
    const started = [...lists, ...this.#names.replace(this.#neededNames())];
    if (otherServers) this.#refreshAll();
    else for (const { refresher } of started) refresher.resume();
    this.#forgetAllBut(new Set(services.map((service) => service.name)));
    for (const service of services) this.#publishIfChanged(service);
    this.#watchFiles();
  }

  endpoints(): EndpointSets {
    return Object.fromEntries(
      this.#services.map(({ name }) => [name, this.#published.get(name) ?? []]),
    );
  }

  status(service: string): readonly SourceStatus[] {
    const found = this.#services.find((each) => each.name === service);
    if (found === undefined) return [];
    return this.#watchersOf(found).map((watcher) => watcher.status());
  }

  async settled(services: readonly Service[], timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.set(resolve, timeoutMs);
    await Promise.race([promise, this.#allAnswered(services)]);
    this.#clock.clear(timer);
  }

  close(): void {
    this.#clock.clear(this.#filesTimer);
    for (const { refresher } of [...this.#names.values(), ...this.#lists.values()]) {
      refresher.pause();
    }
  }

  /** Lists first: only then it is known which names are in them. */
  async #allAnswered(services: readonly Service[]): Promise<void> {
    const lists = services.flatMap((service) => this.#listsOf(service));
    await Promise.all(lists.map(({ refresher }) => refresher.settled));
    const watchers = services.flatMap((service) => this.#watchersOf(service));
    await Promise.all(watchers.map(({ refresher }) => refresher.settled));
  }

  #createNameWatcher(host: string): NameWatcher {
    const readSupport = this.#options.readIpv6Support ?? readIpv6Support;
    const watcher = new NameWatcher(host, {
      clock: this.#clock,
      slots: this.#slots,
      log: this.#options.log,
      ipv6Usable: () => readSupport().usable,
      changed: () => this.#nameChanged(host),
      lookUp: (question) =>
        lookUp(question, {
          ...this.#dnsSettings,
          hosts: this.#hosts.value,
          ipv6Loopback: readSupport().loopback,
        }),
    });
    // A list may have waited for this name's first answer, though it was a failure.
    void watcher.refresher.settled.then(() => this.#adoptLists());
    return watcher;
  }

  #createListWatcher(key: string): ListWatcher {
    const { log, parseEndpoints: parse } = this.#options;
    const clock = this.#clock;
    return createListWatcher(key, {
      srv: {
        clock,
        slots: this.#slots,
        log,
        lookUp: (question) => lookUpSrv(question, this.#dnsSettings),
      },
      file: { clock, slots: undefined, log, parse },
      offered: () => {
        this.#updateNames();
        this.#adoptLists();
      },
    });
  }

  get #dnsSettings() {
    return {
      conf: this.#resolvConf.value,
      servers: this.#servers,
      queryTimeoutMs: this.#options.queryTimeoutMs,
    };
  }

  get #known(): KnownNames {
    return {
      addressesOf: (name) => this.#names.get(name)?.addresses ?? [],
      isAnswered: (name) => this.#names.get(name)?.refresher.isAnswered === true,
    };
  }

  #refreshAll(): void {
    for (const { refresher } of [...this.#names.values(), ...this.#lists.values()]) {
      refresher.refresh();
    }
  }

  #forgetAllBut(services: ReadonlySet<string>): void {
    for (const name of this.#published.keys()) {
      if (services.has(name)) continue;
      this.#published.delete(name);
      this.#cut.delete(name);
    }
  }

  #nameChanged(host: string): void {
    this.#adoptLists();
    for (const service of this.#services) {
      if (this.#namesOf(service).includes(host)) this.#publishIfChanged(service);
    }
  }

  #updateNames(): void {
    for (const { refresher } of this.#names.update(this.#neededNames())) refresher.resume();
  }

  /** Lets lists take over whose names are known by now. */
  #adoptLists(): void {
    const adopted = new Set<ListWatcher>();
    for (const list of this.#lists.values()) {
      if (list.listing.adopt(this.#known)) adopted.add(list);
    }
    if (adopted.size === 0) return;
    for (const service of this.#services) {
      if (this.#listsOf(service).some((list) => adopted.has(list))) this.#publishIfChanged(service);
    }
    this.#updateNames();
  }

  #publishIfChanged(service: Service): void {
    const { addressesOf } = this.#known;
    const all = unionOf(service, {
      addressesOf,
      endpointsOfList: (key) => this.#lists.get(key)?.listing.endpoints(addressesOf) ?? [],
    });
    const now = this.#cutDown(service.name, all);
    if (sameEndpoints(now, this.#published.get(service.name) ?? [])) return;
    this.#published.set(service.name, now);
    this.#options.publish(service.name, now);
  }

  #cutDown(service: string, all: readonly Endpoint[]): readonly Endpoint[] {
    const leftOut = all.length - ENDPOINTS_MAX;
    if (leftOut > 0 && leftOut !== this.#cut.get(service)) {
      const fields = { service, endpoints: ENDPOINTS_MAX, left_out: leftOut };
      this.#options.log("warning", "service has more endpoints than are used", fields);
    }
    this.#cut.set(service, leftOut);
    return leftOut > 0 ? all.slice(0, ENDPOINTS_MAX) : all;
  }

  #neededNames(): ReadonlySet<string> {
    return new Set(this.#services.flatMap((service) => this.#namesOf(service)));
  }

  #namesOf(service: Service): readonly string[] {
    const listed = this.#listsOf(service).flatMap(({ listing }) => listing.names);
    return [...new Set([...namesOf(service), ...listed])];
  }

  #listsOf(service: Service): readonly ListWatcher[] {
    return listKeysOf(service).flatMap((key) => this.#lists.get(key) ?? []);
  }

  #watchersOf(service: Service): readonly (NameWatcher | ListWatcher)[] {
    const names = this.#namesOf(service).flatMap((host) => this.#names.get(host) ?? []);
    return [...this.#listsOf(service), ...names];
  }

  #watchFiles(): void {
    this.#clock.clear(this.#filesTimer);
    if (this.#names.size + this.#lists.size === 0) return;
    this.#filesTimer = this.#clock.set(() => {
      // Both are read, whatever the first one says.
      const changed = [this.#hosts.refresh(), this.#resolvConf.refresh()];
      if (changed.includes(true)) this.#refreshAll();
      this.#watchFiles();
    }, FILES_CHECK_MS);
  }
}
