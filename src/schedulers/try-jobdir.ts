// Builds the jobs that developers put into a directory, to try a patch before it is committed.
//
// A file leaves `new` only after the transaction of its buildset has committed, and the buildset bears its name: a master
// that dies in between leaves the file to the next one, which finds that it has been built. The directory must be the same
// for all masters. What is no job is moved to `bad` with one message.
// @source buildbot master/buildbot/schedulers/trysched.py Try_Jobdir

import { ConfigError, describeError, StandinError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import type { Filter } from '../core/routing-key.js';
import { LoneTask } from '../periodic/lone-task.js';
import type { JobDirectory } from '../runtime/job-directory.js';
import { BaseScheduler, type SchedulerOptions } from './base.js';
import { BadJobFileError, parseJob, type Job } from './job-file.js';

export interface TryJobdirOptions extends SchedulerOptions {
  /** The maildir that jobs are put into; a path of the host. */
  readonly jobdir: string;
  /** The longest job file that is read, in bytes. Default 99,999. */
  readonly longestJob?: number;
}

const POLL_MS = 10_000;
const SOURCE = 'try build';

export class Try_Jobdir extends BaseScheduler {
  readonly jobdir: string;
  readonly #longestJob: number | undefined;
  #looking: LoneTask | null = null;

  /** @throws ConfigError */
  constructor(name: string, builderNames: readonly string[], options: TryJobdirOptions) {
    super(name, builderNames, options);
    if (typeof options.jobdir !== 'string' || options.jobdir === '')
      throw new ConfigError(`scheduler '${name}' needs the path of its jobs as 'jobdir'`);
    this.jobdir = options.jobdir;
    this.#longestJob = options.longestJob;
  }

  override get queueFilters(): readonly Filter[] {
    return [];
  }

  protected override async startActivity(): Promise<void> {
    const { openJobDirectory } = this.attached();
    if (openJobDirectory === null)
      throw new StandinError('no-job-directory', `the host of '${this.name}' offers no job directories`);
    const directory = openJobDirectory(this.jobdir);
    const options = { name: `the jobs of '${this.name}'`, spacingMs: POLL_MS };
    this.#looking = new LoneTask(this.runtime, options, () => this.#look(directory));
    this.#looking.start();
  }

  protected override async stopActivity(): Promise<void> {
    await this.#looking?.stop();
    this.#looking = null;
  }

  async #look(directory: JobDirectory): Promise<void> {
    for (const name of await directory.list()) {
      if (this.signal.aborted) return;
      await this.#take(directory, name);
    }
  }

  async #take(directory: JobDirectory, name: string): Promise<void> {
    const file = await directory.read(name);
    if (file === null || this.signal.aborted) return;
    try {
      await this.submit(parseJob(file, this.#longestJob), `job:${name}`);
    } catch (error) {
      if (!(error instanceof BadJobFileError)) throw error;
      this.runtime.logger.log(
        'error',
        `job file '${name}' of '${this.name}' is set aside: ${describeError(error)}`,
      );
      await directory.move(name, 'bad');
      return;
    }
    if (!this.signal.aborted) await directory.move(name, 'cur');
  }

  /** Makes the buildset of a job certain. @throws BadJobFileError when it wants builders that are not this scheduler's */
  protected async submit(job: Job, triggerKey: string): Promise<void> {
    const builderNames = this.#builderNamesOf(job);
    if (await this.hasBuilt(triggerKey)) return;
    const { who, comment, branch, revision, repository, project } = job;
    const patch = { body: job.patch, level: job.patchLevel, author: who, comment, subdir: '' };
    await this.act(() =>
      this.addBuildsetForSourceStamps({
        sourcestamps: [{ codebase: '', branch, revision, repository, project, patch }],
        reason: who === '' ? "'try' job" : `'try' job by user ${who}`,
        externalIdstring: job.jobid,
        ...{ builderNames, triggerKey },
        properties: Object.fromEntries(
          Object.entries(job.properties).map(([key, value]): [string, [JsonValue, string]] => [
            key,
            [value, SOURCE],
          ]),
        ),
      }),
    );
  }

  #builderNamesOf({ builderNames }: Job): readonly string[] {
    const unknown = builderNames.find((name) => !this.builderNames.includes(name));
    if (unknown !== undefined)
      throw new BadJobFileError(`it wants the builder '${unknown}', which is none of these`);
    return builderNames.length === 0 ? this.builderNames : builderNames;
  }
}
