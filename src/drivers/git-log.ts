// What `git log` says of commits, as it is asked for and read: every path as it is, merges as their differences from their
// first parent, and nothing that a user's configuration adds.

/** One commit. */
export interface Commit {
  readonly revision: string;
  readonly parents: readonly string[];
  /** When it was committed: seconds since the epoch. */
  readonly when: number;
  readonly author: string;
  readonly email: string;
  readonly message: string;
  readonly files: readonly string[];
}

/** One record: NUL, then six fields with a NUL after each. Git adds a NUL, then a newline and the paths if there are any. */
const FORMAT = '%x00%H%x00%P%x00%ct%x00%aN%x00%aE%x00%B%x00';

/** Arguments of `git` that make it print commits for `parseCommits`; which ones, and in which order, comes behind them. */
export const LOG_ARGUMENTS: readonly string[] = [
  'log', '-z', '--name-only', '--no-renames', '--diff-merges=first-parent', '--no-ext-diff', '--no-textconv', '--no-color',
  '--no-show-signature', '--no-notes', '--root', `--format=${FORMAT}`,
]; // prettier-ignore

/** Inside a hook of git these variables would name the hook's repository instead of the one asked for. */
export const VARIABLES_OF_HOOKS: readonly string[] = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE'];

/** The commits in the output, in its order. */
export function* parseCommits(output: string): Generator<Commit> {
  const tokens = output.split('\0');
  // Paths are never empty, so an empty token after them is the start of the next record.
  for (let i = 1; i < tokens.length;) {
    const [revision = '', parents = '', when = '', author = '', email = '', message = ''] = tokens.slice(
      i,
      i + 6,
    );
    i += 7;
    const files: string[] = [];
    for (; i < tokens.length && tokens[i] !== ''; i++) files.push(tokens[i]?.replace(/^\n/, '') ?? '');
    i += 1;
    const parentList = parents.split(' ').filter((parent) => parent !== '');
    yield { revision, parents: parentList, when: Number(when), author, email, message, files };
  }
}
