import type { FileContext } from "./file-watcher.ts";
import { FileWatcher } from "./file-watcher.ts";
import { Listing } from "./listing.ts";
import type { SourceStatus } from "./source-status.ts";
import { type SrvContext, SrvWatcher } from "./srv-watcher.ts";

const SRV = "srv ";
const FILE = "file ";
const WAITING = "its names are not looked up yet, or none has an address: the list before it stays";

/** A list that is found at run time: who watches it, and what of it is in force. */
export interface ListWatcher {
  readonly listing: Listing;
  readonly refresher: (SrvWatcher | FileWatcher)["refresher"];
  status(): SourceStatus;
}

/** What lists are watched with; `offered` is called when one has a new list. */
export interface ListContexts {
  readonly srv: Omit<SrvContext, "changed">;
  readonly file: Omit<FileContext, "changed">;
  readonly offered: () => void;
}

/** Creates the watcher of a list by its key, `srv NAME` or `file PATH`; paused. */
export function createListWatcher(key: string, contexts: ListContexts): ListWatcher {
  const listing = new Listing();
  const changed: SrvContext["changed"] = (list) => {
    listing.offer(list);
    contexts.offered();
  };
  const watcher = key.startsWith(SRV)
    ? new SrvWatcher(key.slice(SRV.length), { ...contexts.srv, changed })
    : new FileWatcher(key.slice(FILE.length), { ...contexts.file, changed });
  return {
    listing,
    refresher: watcher.refresher,
    status: () => {
      const status = watcher.status();
      return listing.isWaiting && status.error === undefined
        ? { ...status, error: WAITING }
        : status;
    },
  };
}
