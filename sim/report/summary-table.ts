// The table at the end of a campaign: one row a scenario, columns as wide as what stands in them.

import type { ScenarioResult } from '../explore/tally.js';
import { formatMs } from './virtual-time.js';

/** The lines of the table, without colours. */
export function summaryTable(results: readonly ScenarioResult[]): readonly string[] {
  const rows = [HEADER, ...results.map(rowOf)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => align(cell, column, widths))
      .join('  ')
      .trimEnd(),
  );
}

const HEADER = [
  'scenario',
  'seeds',
  'pass',
  'violation',
  'unknown',
  'events/s',
  'virtual:real',
  'longest failover',
  'bound',
];

function rowOf(result: ScenarioResult): string[] {
  const { name, runs, pass, violation, unknown, events, virtualUs, wallMs } = result;
  const realMs = Math.max(1, wallMs);
  return [
    name,
    String(runs.length),
    String(pass),
    String(violation),
    String(unknown),
    grouped(Math.round((events * 1000) / realMs)),
    `${grouped(Math.round(virtualUs / 1000 / realMs))}:1`,
    result.failoverMaxMs === 0 ? '-' : formatMs(result.failoverMaxMs),
    result.failoverBoundMs === 0 ? '-' : formatMs(result.failoverBoundMs),
  ];
}

/** Names to the left, figures to the right. */
function align(cell: string, column: number, widths: readonly number[]): string {
  const width = widths[column] ?? 0;
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

/** 1234567 as `1,234,567`, whatever the locale. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}
