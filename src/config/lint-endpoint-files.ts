/** Warnings about the files of endpoints as they are now: they may be others when the box runs. */
import { showPeer } from "./address.ts";
import type { Bindings } from "./bind.ts";
import type { Path } from "./document.ts";
import { parseEndpointPeers } from "./endpoint-file.ts";
import { readEndpointFile } from "./read.ts";
import type { Report } from "./report.ts";
import type { Config } from "./schema.ts";
import { createOwnGateways } from "./validate-services.ts";

/** Warns of files that cannot be used now, and of our own gateways in them. Effect: reads the files. */
export function lintEndpointFiles(config: Config, bindings: Bindings, report: Report): void {
  const ownGateway = createOwnGateways(bindings);
  for (const [name, { file, allow_loop }] of Object.entries(config.service)) {
    if (file === undefined) continue;
    const path: Path = ["service", name, "file"];
    const read = readEndpointFile(file);
    const peers = read.ok ? parseEndpointPeers(read.value) : read;
    if (!peers.ok) {
      report.warning(
        path,
        `${file} ${peers.error}: a box that starts has no endpoint here until it is right; one that runs keeps those it has`,
      );
      continue;
    }
    const own = allow_loop ? undefined : peers.value.find((peer) => ownGateway(peer) !== undefined);
    if (own === undefined) continue;
    report.warning(path, `${file} lists ${showPeer(own)}, which is our own gateway: a loop`);
  }
}
