import type { AddressesOf } from "./address-set.ts";
import type { Endpoint } from "../core/service.ts";
import { type PlaceList, endpointsInList, isEmptyList, namesInList } from "./place-list.ts";

/** What is known of the names of a list. */
export interface KnownNames {
  readonly addressesOf: AddressesOf;
  /** Whether the name has been looked up, with whatever outcome. */
  readonly isAnswered: (name: string) => boolean;
}

const NOTHING: PlaceList = { kind: "places", places: [] };

/**
 * The list of a source that is in force, and the one that is to follow. A new list takes over only when each of its
 * names has been looked up and one of them has an address: until then the endpoints of the old one serve on.
 */
export class Listing {
  #current: PlaceList = NOTHING;
  #next: PlaceList | undefined;

  /** The names of both lists, each once. */
  get names(): readonly string[] {
    const next = this.#next === undefined ? [] : namesInList(this.#next);
    return [...new Set([...namesInList(this.#current), ...next])];
  }

  /** A list waits for its names to be looked up, or for one of them to have an address. */
  get isWaiting(): boolean {
    return this.#next !== undefined;
  }

  endpoints(addressesOf: AddressesOf): readonly Endpoint[] {
    return endpointsInList(this.#current, addressesOf);
  }

  /** A new list; one that still waited is forgotten. */
  offer(list: PlaceList): void {
    this.#next = list;
  }

  /** Lets the new list take over if it may, and says whether it did. */
  adopt({ addressesOf, isAnswered }: KnownNames): boolean {
    const next = this.#next;
    if (next === undefined) return false;
    const isFirst = endpointsInList(this.#current, addressesOf).length === 0;
    const mayTakeOver =
      isFirst ||
      isEmptyList(next) ||
      (namesInList(next).every(isAnswered) && endpointsInList(next, addressesOf).length > 0);
    if (!mayTakeOver) return false;
    this.#current = next;
    this.#next = undefined;
    return true;
  }
}
