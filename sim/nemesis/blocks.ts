// The links that partitions cut, and their undo.

import type { Network } from '../world/network.js';

/** One direction of a link: [from, to]. */
export type Direction = readonly [string, string];

/** Blocks these directions; returns what unblocks them. */
export function block(network: Network, directions: readonly Direction[]): () => void {
  return undoAll(directions.map(([from, to]) => network.block(from, to)));
}

/** Both directions between two nodes. */
export function bothWays(node: string, peer: string): readonly Direction[] {
  return [
    [node, peer],
    [peer, node],
  ];
}

/** What undoes all of these, the last one first. */
export function undoAll(undos: readonly (() => void)[]): () => void {
  return () => {
    for (const undo of undos.toReversed()) undo();
  };
}
