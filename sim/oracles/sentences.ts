// The names that things have in the sentences of violations, so that all oracles speak alike.

import { formatUs } from '../report/virtual-time.js';
import type { ProcessId } from './history.js';

/** Oracles ask for the names of a few processes at every event: each is put together once. */
const PROCESS_NAMES = new Map<string, string[]>();

/** `master-a#2`: the second start of master-a. */
export function nameProcess({ node, incarnation }: ProcessId): string {
  let names = PROCESS_NAMES.get(node);
  if (names === undefined) PROCESS_NAMES.set(node, (names = []));
  return (names[incarnation] ??= `${node}#${incarnation}`);
}

/** A change as oracles remember it. */
export interface AcceptedChange {
  readonly changeid: number;
  readonly branch: string | null;
  readonly acceptedUs: number;
}

/** `change 17 (branch master, accepted at 3m12.4s)`. */
export function nameChange(change: AcceptedChange): string {
  const branch = change.branch === null ? 'no branch' : `branch ${change.branch}`;
  return `change ${change.changeid} (${branch}, accepted at ${formatUs(change.acceptedUs)})`;
}

/** `a`, `a and b`, `a, b and c`. */
export function list(parts: readonly string[]): string {
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}

/** JSON text of a state value, cut to 60 characters; `absent` for null. */
export function nameValue(value: string | null): string {
  if (value === null) return 'absent';
  return value.length > 60 ? `${value.slice(0, 60)}…` : value;
}

/** `changes.*.new`: a filter, or a routing key. */
export function nameFilter(filter: readonly (string | null)[]): string {
  return filter.map((word) => word ?? '*').join('.');
}
