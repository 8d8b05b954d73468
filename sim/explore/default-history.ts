// The commit history that plans draw their changes from unless the user names another: scenarios/history.jsonl.
// Read once, at the first plan; nothing is read during a run.

import { join } from 'node:path';
import { readChangeLog } from '../workload/change-log.js';
import type { LoggedChange } from '../workload/logged-change.js';
import { SCENARIOS_FOLDER } from './package-root.js';

let loaded: readonly LoggedChange[] | null = null;

/** The same array at each call. @throws ChangeLogError when the package has lost the file. */
export function defaultHistory(): readonly LoggedChange[] {
  loaded ??= readChangeLog(join(SCENARIOS_FOLDER, 'history.jsonl'));
  return loaded;
}
