// Takes a stretch of a history into a run: which commits, when in the chaos phase, and through which master.
//
// Order is kept, also among commits of one instant. The gaps between commits are scaled to the run, after those above an
// hour were cut to an hour: so a burst stays a burst, a pause stays a pause, and a holiday does not squeeze all the
// commits around it into two instants.

import { generateChanges, type Choices } from './change-generator.js';
import type { LoggedChange } from './logged-change.js';

/** One change that arrives in a run. */
export interface ScheduledChange {
  /** From the start of the run, an integer in [0, chaosMs). */
  readonly atMs: number;
  readonly author: string;
  readonly branch: string;
  readonly files: readonly string[];
  readonly revision: string;
  /** Index of the master that is asked to add it, in [0, masters). */
  readonly viaMaster: number;
}

export interface ScheduleRequest {
  /** How many changes; 0 for none. */
  readonly count: number;
  /** Length of the chaos phase. */
  readonly chaosMs: number;
  /** How many masters there are. */
  readonly masters: number;
}

const LONGEST_GAP_S = 3600;

/**
 * `request.count` consecutive changes of `log`, ordered by `atMs`. Where the log is too short, all of it, and generated
 * changes after it. `choices` is asked for the beginning of the stretch, then for one master a change.
 */
export function scheduleChanges(
  log: readonly LoggedChange[],
  request: ScheduleRequest,
  choices: Choices,
): readonly ScheduledChange[] {
  const { count, chaosMs, masters } = request;
  if (count === 0) return [];
  const first = choices.choose(Math.max(1, log.length - count + 1));
  const stretch = log.slice(first, first + count);
  if (stretch.length < count) stretch.push(...continuation(stretch.at(-1), count - stretch.length, choices));
  const offsetsS = offsets(stretch);
  // The last change comes one gap of average length before the end of the phase.
  const spanS = Math.max(1, Math.ceil(((offsetsS.at(-1) ?? 0) * (count + 1)) / count) + 1);
  return stretch.map(({ author, branch, files, revision }, i) => ({
    atMs: Math.floor(((offsetsS[i] ?? 0) * chaosMs) / spanS),
    author,
    branch,
    files,
    revision,
    viaMaster: choices.choose(masters),
  }));
}

/** Generated changes that go on where the log ends; theirs are `generated-` revisions, which no log has. */
function continuation(last: LoggedChange | undefined, count: number, choices: Choices): LoggedChange[] {
  const startS = last === undefined ? 0 : last.when + LONGEST_GAP_S;
  return generateChanges(choices, count, startS).map((change) => ({
    ...change,
    revision: `generated-${change.revision}`,
  }));
}

/** Seconds from the first change to each, pauses cut. A log whose times run backwards counts as standing still. */
function offsets(changes: readonly LoggedChange[]): number[] {
  let offsetS = 0;
  return changes.map(({ when }, i) => {
    const gapS = when - (changes[i - 1]?.when ?? when);
    offsetS += Math.min(LONGEST_GAP_S, Math.max(0, gapS));
    return offsetS;
  });
}
