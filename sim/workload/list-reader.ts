// Somebody who asks the masters for a list, one after the other, as a web page would: what they read it from is theirs to
// say. It tells the history what it was given.

import type { Kernel } from '../kernel/kernel.js';
import type { HistoryEvent } from '../oracles/history.js';
import type { Cluster } from '../world/cluster.js';
import type { Request } from './requests.js';

export interface ListReaderOptions {
  readonly kernel: Kernel;
  readonly cluster: Pick<Cluster, 'ask'>;
  readonly masters: readonly string[];
  readonly onHistory: (event: HistoryEvent) => void;
}

const INTERVAL_US = 10_000_000;
const LATEST = { limit: 5, order: ['-buildrequestid'], fields: ['buildrequestid'] } as const;

/** Begins, for the whole run. A master that is down or paused is passed over. */
export function readLists(options: ListReaderOptions, turn = 0): void {
  const { kernel, cluster, masters, onHistory } = options;
  kernel.at(kernel.nowUs + INTERVAL_US, () => {
    const name = masters[turn % masters.length];
    if (name !== undefined) cluster.ask(name, listing(kernel, onHistory), () => undefined);
    readLists(options, turn + 1);
  });
}

function listing(kernel: Kernel, onHistory: ListReaderOptions['onHistory']): Request {
  return async ({ queries }) => {
    const { data, total } = await queries.getList(['buildrequests'], LATEST);
    const latestId = Number(data[0]?.['buildrequestid'] ?? 0);
    onHistory({ kind: 'list', atUs: kernel.nowUs, latestId, total });
    return 'done';
  };
}
