import type { Endpoint, PlaceSource } from "../core/service.ts";
import { type AddressesOf, endpointOf } from "./address-set.ts";
import { type SrvRecord, endpointsOfRecords } from "./srv-records.ts";

/** What a source whose list is found at run time says: records of DNS, or what a file lists. */
export type PlaceList =
  | { readonly kind: "records"; readonly records: readonly SrvRecord[] }
  | { readonly kind: "places"; readonly places: readonly PlaceSource[] };

/** The names that a list's endpoints hang on, as they are looked up. Pure. */
export function namesInList(list: PlaceList): readonly string[] {
  return list.kind === "records"
    ? list.records.map(({ host }) => host)
    : list.places.flatMap((place) => (place.kind === "name" ? [hostKey(place.host)] : []));
}

/** The endpoints of a list, given what is known of each of its names. Pure. */
export function endpointsInList(list: PlaceList, addressesOf: AddressesOf): readonly Endpoint[] {
  return list.kind === "records"
    ? endpointsOfRecords(list.records, addressesOf)
    : list.places.flatMap((place) => endpointsOfPlace(place, addressesOf));
}

/** Whether it says that there is nothing, which is something else than names without addresses. Pure. */
export function isEmptyList(list: PlaceList): boolean {
  return (list.kind === "records" ? list.records : list.places).length === 0;
}

/** One lookup for all spellings of a name. A trailing dot stays: it turns the search list off. Pure. */
export function hostKey(host: string): string {
  return host.toLowerCase();
}

/** The endpoints of one place: itself, or an endpoint for each address of its name. Pure. */
export function endpointsOfPlace(
  place: PlaceSource,
  addressesOf: AddressesOf,
): readonly Endpoint[] {
  if (place.kind === "address") return [place.endpoint];
  const { kind: _, host, port, ...traits } = place;
  const name = hostKey(host);
  const dnsName = name.replace(/\.$/, "");
  return addressesOf(name).map((address) => endpointOf(address, port, { ...traits, dnsName }));
}
