/** Where a connection that is joined to an endpoint goes, and what is said of it. */
import type { Failure } from "../core/failure.ts";
import type { Destination, Gateway } from "../core/model.ts";
import type { TunnelRecord } from "../telemetry/access-log.ts";
import type { ServiceState } from "../upstream/service-state.ts";

/** Where a connection goes. */
export interface RoutedStream {
  readonly kind: "routed";
  readonly gateway: Gateway;
  /** Index into `Snapshot.gateways`, which is also the index into a destination's slots. */
  readonly gatewayIndex: number;
  readonly destination: Destination;
  readonly service: ServiceState;
}

/** Why a connection goes nowhere, and the gateway if one let it in. */
export interface UnroutedStream {
  readonly kind: "failure";
  readonly gateway: Gateway | undefined;
  readonly failure: Failure;
}

/** What only some connections have to say in their log line. */
export type StreamFacts = Pick<TunnelRecord, "kind" | "sni" | "alpn" | "ech" | "ja4">;
