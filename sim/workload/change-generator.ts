// Changes that look like those of a real history, for runs that need more of them than a recorded one has.
//
// The constants below were measured on 2,400 consecutive commits of one open-source project (21 months, 405 merged side
// branches, 42 authors). A table of 20 numbers holds the 2.5 %, 7.5 %, … 97.5 % quantiles of what was measured; drawing
// one of them uniformly gives the distribution back. What the history showed, and what the model keeps:
//   - commits come in bursts (337 with gaps of at most an hour, 7.1 commits on average, 37 % of them alone) because a
//     branch's commits are seconds apart while merges and new branches are minutes to weeks apart;
//   - one commit in six is a merge on master, the others are on a branch of their own (median 1 commit, mean 4.9, up to
//     71), which is merged when it is complete, at times together with another one (44 % of the branches);
//   - a branch has one author (98 %), few authors write most branches, and one of them merges most (93 %);
//   - a commit touches few files (median 2), a merge more (median 3); 43 % stay in one directory, and a tenth of all
//     files has 43 % of the touches.
// All draws are integers from the caller's choices; nothing here asks for the time.

import { MOST_FILES, type LoggedChange } from './logged-change.js';

/** Where draws come from: a decision stream, or anything that gives uniform integers in [0, bound). */
export interface Choices {
  choose(bound: number): number;
}

/** Seconds between two commits of one branch. */
const GAP_IN_BRANCH_S = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 19, 716] as const;

/** Seconds from anything to a merge. */
const GAP_TO_MERGE_S = [
  9, 13, 24, 41, 61, 141, 247, 500, 781, 996, 1428, 1826, 2296, 3239, 4406, 7318, 14998, 29809, 56992, 104316,
] as const;

/** Seconds from a merge, or from the last commit of another branch, to the first commit of a branch. */
const GAP_TO_BRANCH_S = [
  10, 23, 50, 97, 152, 304, 521, 754, 1076, 1470, 2993, 4562, 7377, 11620, 18959, 37808, 61275, 141184,
  365653, 1412442,
] as const;

/** Commits of a side branch. */
const BRANCH_COMMITS = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 5, 8, 11, 18, 31] as const;

/** Files of a commit on a side branch. */
const COMMIT_FILES = [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 13] as const;

/** Of 100 branches, how many are followed by another branch before the next merge. */
const OVERLAPPING_PERCENT = 42;

/** Of 100 branches, how many each author writes, the most active first; the last entry stands for 36 people. */
const AUTHOR_PERCENT = [36, 24, 13, 8, 4, 15] as const;
const OCCASIONAL_AUTHORS = 36;

/** Of 1,000 files, how many are in each directory; '' is the root. */
const DIRECTORIES: readonly (readonly [directory: string, perMille: number, files: number])[] = [
  ['main/server', 497, 600],
  ['', 166, 24],
  ['web/base', 80, 160],
  ['main/docs', 50, 90],
  ['worker/agent', 45, 80],
  ['web/data', 40, 80],
  ['web/ui', 35, 70],
  ['web/waterfall', 25, 50],
  ['web/grid', 22, 40],
  ['web/console', 20, 40],
  ['.ci/workflows', 20, 10],
];

/** Of 100 commits, how many touch the one file that nearly every update of a dependency touches. */
const HOT_FILE_PERCENT = 35;
const HOT_FILE = 'dependencies.lock';

/** Of 100 commits of several files, how many stay in one directory. */
const LOCAL_PERCENT = 12;

interface Branch {
  readonly name: string;
  readonly author: string;
  readonly files: Set<string>;
}

/** `count` changes, oldest first, the first at `startS` (seconds since the epoch). Same choices, same changes. */
export function generateChanges(
  choices: Choices,
  count: number,
  startS = 1_700_000_000,
): readonly LoggedChange[] {
  return new Project(choices, startS).write(count);
}

/** The repository that grows: the clock, the branches that are open, and what has been committed. */
class Project {
  readonly #choices: Choices;
  readonly #changes: LoggedChange[] = [];
  readonly #open: Branch[] = [];
  #nowS: number;
  #branches = 0;

  constructor(choices: Choices, startS: number) {
    this.#choices = choices;
    this.#nowS = startS;
  }

  write(count: number): readonly LoggedChange[] {
    while (this.#changes.length < count) {
      this.#writeBranch();
      if (this.#open.length < 4 && this.#percent(OVERLAPPING_PERCENT)) continue;
      for (let branch = this.#open.shift(); branch !== undefined; branch = this.#open.shift())
        this.#merge(branch);
    }
    return this.#changes.slice(0, count);
  }

  #writeBranch(): void {
    this.#branches += 1;
    const branch: Branch = { name: `pr-${this.#branches}`, author: this.#drawAuthor(), files: new Set() };
    this.#open.push(branch);
    const commits = this.#from(BRANCH_COMMITS);
    for (let i = 0; i < commits; i++) {
      if (this.#changes.length > 0) this.#nowS += this.#from(i === 0 ? GAP_TO_BRANCH_S : GAP_IN_BRANCH_S);
      const files = this.#drawFiles(this.#from(COMMIT_FILES));
      for (const file of files) branch.files.add(file);
      this.#commit(branch.author, branch.name, files);
    }
  }

  #merge(branch: Branch): void {
    this.#nowS += this.#from(GAP_TO_MERGE_S);
    const author = this.#percent(93) ? 'dev-1' : 'dev-2';
    this.#commit(author, 'master', [...branch.files].slice(0, MOST_FILES));
  }

  #commit(author: string, branch: string, files: readonly string[]): void {
    const revision = (this.#changes.length + 1).toString(16).padStart(8, '0').padEnd(40, '0');
    this.#changes.push({ revision, when: this.#nowS, author, branch, files });
  }

  #drawAuthor(): string {
    const rank = this.#weighted(AUTHOR_PERCENT);
    const isOccasional = rank === AUTHOR_PERCENT.length - 1;
    return `dev-${isOccasional ? AUTHOR_PERCENT.length + this.#choices.choose(OCCASIONAL_AUTHORS) : rank + 1}`;
  }

  /** `count` paths (and at times one more), sorted. */
  #drawFiles(count: number): readonly string[] {
    const files = new Set<string>();
    const isLocal = this.#percent(LOCAL_PERCENT);
    let directory = this.#drawDirectory();
    if (this.#percent(HOT_FILE_PERCENT)) files.add(HOT_FILE);
    while (files.size < count) {
      files.add(this.#drawFile(directory, files));
      if (!isLocal) directory = this.#drawDirectory();
    }
    return [...files].sort((a, b) => (a < b ? -1 : 1));
  }

  #drawDirectory(): (typeof DIRECTORIES)[number] {
    const found = DIRECTORIES[this.#weighted(DIRECTORIES.map(([, perMille]) => perMille))];
    return found ?? ['', 0, 1];
  }

  /** A file of the directory that is not in `chosen`; low numbers are likelier (the smaller of two draws). */
  #drawFile([directory, , files]: (typeof DIRECTORIES)[number], chosen: ReadonlySet<string>): string {
    const draw = (): number => this.#choices.choose(files);
    for (let number = Math.min(draw(), draw()); ; number += 1) {
      const path = `${directory === '' ? '' : `${directory}/`}file-${number}.ts`;
      if (!chosen.has(path)) return path;
    }
  }

  #from(table: readonly number[]): number {
    return table[this.#choices.choose(table.length)] ?? 0;
  }

  #percent(percent: number): boolean {
    return this.#choices.choose(100) >= 100 - percent;
  }

  #weighted(weights: readonly number[]): number {
    let left = this.#choices.choose(weights.reduce((sum, weight) => sum + weight, 0));
    return weights.findIndex((weight) => (left -= weight) < 0);
  }
}
