/** Which endpoint may stand in for another one that is slow to connect: the same name in the other address family. */
import type { Endpoint, HealthTable } from "../core/service.ts";

/** The addresses of one name and port by family. */
interface Families {
  readonly v4: Endpoint[];
  readonly v6: Endpoint[];
}

/** Knows the endpoints of one service. Owned by its ServiceState. */
export class Siblings {
  #families = new Map<string, Families>();
  #health: HealthTable = {};
  /** Moves on with each question, so that one slow family is not laid upon one address of the other. */
  #turn = 0;

  /** The set is another one now. */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    this.#families = new Map();
    for (const endpoint of endpoints) {
      const key = keyOf(endpoint);
      if (key === undefined) continue;
      const families = this.#families.get(key) ?? { v4: [], v6: [] };
      families[familyOf(endpoint)].push(endpoint);
      this.#families.set(key, families);
    }
  }

  /** What the control plane thinks of the endpoints now. */
  setHealth(health: HealthTable): void {
    this.#health = health;
  }

  /** One that is healthy; undefined when there is none, or when the endpoint came from no name. */
  of(endpoint: Endpoint): Endpoint | undefined {
    const families = this.#families.get(keyOf(endpoint) ?? "");
    const others = families?.[familyOf(endpoint) === "v4" ? "v6" : "v4"] ?? [];
    const healthy = others.filter(
      ({ name }) => (this.#health[name]?.state ?? "healthy") === "healthy",
    );
    this.#turn += 1;
    return healthy[this.#turn % Math.max(healthy.length, 1)];
  }
}

function keyOf({ dnsName, port }: Endpoint): string | undefined {
  return dnsName === undefined ? undefined : `${dnsName}:${port}`;
}

function familyOf({ host }: Endpoint): "v4" | "v6" {
  return host.includes(":") ? "v6" : "v4";
}
