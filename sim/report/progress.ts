// What a campaign shows while it runs: one line that is rewritten on a terminal, a plain line every few seconds elsewhere.
//
// It reads the totals and changes nothing. Where the report itself goes to standard output as JSON, this goes to standard
// error.

import type { Tally } from '../explore/tally.js';
import { formatUs } from './virtual-time.js';

/** Shows how far a scenario has come. */
export interface Progress {
  /** After each run of `scenario`. */
  update(scenario: string, tally: Tally): void;
  /** A line that stays. */
  note(line: string): void;
  /** The scenario is done: nothing of it stays on a terminal. */
  clear(): void;
}

/** Where lines go. */
export interface LineSink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const TERMINAL_EVERY_MS = 100;
const PLAIN_EVERY_MS = 5_000;
const CLEAR_LINE = '\r\u001b[K';

/** Progress on `sink`, at a pace that suits it. */
export function showProgress(sink: LineSink): Progress {
  const isTerminal = sink.isTTY === true;
  const everyMs = isTerminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS;
  let scenario = '';
  let startMs = 0;
  let shownMs = 0;
  const begin = (name: string): void => {
    scenario = name;
    startMs = performance.now();
    shownMs = isTerminal ? 0 : startMs;
  };
  return {
    update(name, tally) {
      if (name !== scenario) begin(name);
      const nowMs = performance.now();
      if (nowMs - shownMs < everyMs) return;
      shownMs = nowMs;
      const line = progressLine(name, tally, nowMs - startMs);
      sink.write(isTerminal ? CLEAR_LINE + line.slice(0, (sink.columns ?? 80) - 1) : `${line}\n`);
    },
    note(line) {
      sink.write(isTerminal ? `${CLEAR_LINE}${line}\n` : `${line}\n`);
    },
    clear() {
      if (isTerminal) sink.write(CLEAR_LINE);
    },
  };
}

function progressLine(scenario: string, tally: Tally, elapsedMs: number): string {
  const perSecond = ((tally.runs * 1000) / Math.max(1, elapsedMs)).toFixed(1);
  const unknowns = tally.unknowns === 0 ? '' : `, ${tally.unknowns} unknown`;
  const virtual = formatUs(tally.virtualUs - (tally.virtualUs % 1_000_000));
  return `${scenario}: ${tally.runs} seeds, ${perSecond} seeds/s, ${tally.violations} violations${unknowns}, ${virtual} of virtual time`;
}
