// One failure explained in text: what was broken, the events around it, what was configured, and the command that runs
// it again.

import pc from 'picocolors';
import type { TraceEvent } from '../kernel/trace.js';
import type { RunSummary } from '../explore/run-summary.js';
import type { Nondeterminism } from '../explore/twin-check.js';
import { formatUs } from './virtual-time.js';

/** Where the failure happened and where it was saved. */
export interface FailureContext {
  readonly scenario: string;
  /** Path of the capsule. */
  readonly capsule: string;
}

/** The lines about a run that did not pass. */
export function failurePage(run: RunSummary, { scenario, capsule }: FailureContext): readonly string[] {
  const { evidence } = run;
  const title =
    run.verdict === 'violation' ? pc.red(`VIOLATION of ${run.broken.join(', ')}`) : pc.yellow('UNKNOWN');
  return [
    `${title} in ${scenario}, ${seedName(run.seed)}`,
    ...(run.reason === null ? [] : [`  ${run.reason}`]),
    ...(evidence?.violations ?? [])
      .slice(0, MOST_VIOLATIONS)
      .map((violation) => `  ${violation.guarantee}: ${violation.message}`),
    ...section('Still open at the end:', evidence?.pending ?? []),
    ...section('Events around it:', (evidence?.around ?? []).map(eventLine)),
    ...section('Configuration:', evidence === null ? [] : configLines(evidence.config)),
    ...section('Replay it with:', [`npx standin replay ${capsule} --trace`]),
    '',
  ];
}

/** The lines about two runs of one plan that differ. */
export function nondeterminismPage(mismatch: Nondeterminism): readonly string[] {
  const { scenario, seed, hashes, first, second } = mismatch;
  return [
    `${pc.red('NONDETERMINISM')} in ${scenario}, ${seedName(seed)}: one plan gave two traces (${hashes.join(' and ')})`,
    '  the first event that differs:',
    `    one run    ${first === null ? 'had ended' : `#${first.index} ${eventLine(first)}`}`,
    `    its twin   ${second === null ? 'had ended' : `#${second.index} ${eventLine(second)}`}`,
    '',
  ];
}

/** An event of a trace on one line. */
export function eventLine({ atUs, node, kind, detail }: TraceEvent): string {
  return `${formatUs(atUs).padStart(12)}  ${(node === '' ? '-' : node).padEnd(9)} ${kind.padEnd(12)} ${detail}`.trimEnd();
}

const MOST_VIOLATIONS = 3;

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...lines.map((line) => `    ${line}`)];
}

/** One line a key; a list of objects (the faults, the clocks) has a line for each. */
function configLines(config: object): readonly string[] {
  return Object.entries(config).flatMap(([key, value]) => {
    if (!Array.isArray(value) || !value.some((item) => typeof item === 'object'))
      return [`${key}: ${textOf(value)}`];
    return [`${key}:`, ...value.map((item) => `  ${textOf(item)}`)];
  });
}

/** `{"kind":"crash","atMs":5}` as `kind crash, atMs 5`. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const parts = Object.entries(value).filter(([, part]) => !isEmpty(part));
  return parts
    .map(([key, part]) => `${key} ${typeof part === 'string' ? part : JSON.stringify(part)}`)
    .join(', ');
}

function isEmpty(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

function seedName(seed: string): string {
  return /^([0-9]+|[0-9a-f]{40})$/.test(seed) ? `seed ${seed}` : seed;
}
