// Builds when somebody asks for it, with parameters that a form fills in: on any master that has it configured, whoever
// owns it, unless it is disabled.
// @source buildbot master/buildbot/schedulers/forcesched.py ForceScheduler

import { ConfigError, StandinError } from '../core/errors.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import type { Filter } from '../core/routing-key.js';
import { isEmptyPatch, type Patch, type SourceStamp } from '../db/sourcestamps.js';
import type { Properties } from '../db/buildsets.js';
import { BaseScheduler, type SchedulerOptions } from './base.js';
import type { AddedBuildset } from './buildset-builder.js';
import {
  BaseParameter,
  CodebaseParameter,
  FixedParameter,
  IntParameter,
  StringParameter,
  UserNameParameter,
  type AnswerErrors,
  type Answers,
} from './force-parameters.js';

export interface ForceOptions extends Omit<SchedulerOptions, 'properties' | 'codebases' | 'priority'> {
  /** Asked for besides the codebases; each becomes a build property. */
  readonly properties?: readonly BaseParameter[];
  /** What to build: names alone, or their parameters. Default one codebase, ''. */
  readonly codebases?: readonly (string | CodebaseParameter)[];
  readonly reason?: BaseParameter;
  /** Asked for when the caller does not say who he is. */
  readonly username?: BaseParameter;
  readonly priority?: IntParameter;
  /** `%(owner)s` and `%(reason)s` stand for what was filled in. */
  readonly reasonString?: string;
}

/** What is asked for. */
export interface ForceCall {
  /** Who asks; null or 'anonymous': the parameter `username` says. */
  readonly owner?: string | null;
  /** Those of the scheduler's that are wanted. Default all. */
  readonly builderNames?: readonly string[];
  /** By the full name of the parameter. */
  readonly answers?: Answers;
  /** The same for each attempt of one call. Default: each call is another. */
  readonly callId?: string;
}

/** What is wrong with the answers, all of it: full name of the parameter to one sentence. */
export class CollectedValidationError extends StandinError {
  readonly errors: Readonly<Record<string, string>>;

  constructor(scheduler: string, errors: ReadonlyMap<string, string>) {
    const sentences = [...errors].map(([field, problem]) => `${field}: ${problem}`);
    super('validation', `scheduler '${scheduler}' was not forced: ${sentences.join('; ')}`);
    this.errors = Object.fromEntries(errors);
  }
}

const RESERVED: readonly string[] = ['owner', 'builderNames', 'builderid'];
const SOURCE = 'Force Build Form';

export class ForceScheduler extends BaseScheduler {
  static override readonly compareAttrs: readonly string[] = [...BaseScheduler.compareAttrs, 'form'];
  /** What it asks for and how it words the reason, as one text: compared in a reconfiguration. */
  readonly form: string;
  readonly #properties: readonly BaseParameter[];
  readonly #codebases: readonly CodebaseParameter[];
  readonly #reason: BaseParameter;
  readonly #username: BaseParameter;
  readonly #priority: BaseParameter;
  readonly #reasonString: string;

  /** @throws ConfigError for a name that is no identifier, or a parameter of the wrong kind. */
  constructor(name: string, builderNames: readonly string[], options: ForceOptions = {}) {
    checkForce(name, builderNames, options);
    const codebases = (options.codebases ?? ['']).map((codebase) =>
      typeof codebase === 'string' ? new CodebaseParameter({ codebase }) : codebase,
    );
    super(name, builderNames, { codebases: codebases.map((codebase) => codebase.name) });
    this.#properties = options.properties ?? [];
    this.#codebases = codebases;
    this.#reason = options.reason ?? new StringParameter({ name: 'reason', default: 'force build' });
    this.#username = options.username ?? new UserNameParameter({ name: 'username' });
    this.#priority = options.priority ?? new FixedParameter({ name: 'priority', default: 0 });
    this.#reasonString = options.reasonString ?? "A build was forced by '%(owner)s': %(reason)s";
    this.form = JSON.stringify([this.spec(), this.#reasonString]);
  }

  override get queueFilters(): readonly Filter[] {
    return [];
  }

  /** All that a form asks for, as JSON. */
  spec(): readonly JsonObject[] {
    const asked = [this.#username, this.#reason, this.#priority, ...this.#codebases, ...this.#properties];
    return asked.map((parameter) => parameter.spec());
  }

  /**
   * Adds the buildset that is asked for, once for this call id.
   * @throws CollectedValidationError with all that is wrong; StandinError `no-builders` when none of its builders is
   *   wanted; SchedulerDisabledError, DatabaseError
   */
  async force(call: ForceCall = {}): Promise<AddedBuildset> {
    const { answers = {}, callId } = call;
    const builderNames = this.#wanted(call.builderNames);
    const errors: AnswerErrors = new Map();
    const reason = textOf(this.#reason.valueOf(answers, errors));
    const isNamed = call.owner !== undefined && call.owner !== null && call.owner !== 'anonymous';
    const owner = isNamed ? textOf(call.owner) : textOf(this.#username.valueOf(answers, errors));
    const priority = Number(this.#priority.valueOf(answers, errors));
    const values = Object.assign(
      {},
      ...this.#properties.map((each) => each.read(answers, errors)),
    ) as JsonObject;
    const sourcestamps = this.#codebases.map((codebase) => stampOf(codebase, answers, errors));
    if (errors.size > 0) throw new CollectedValidationError(this.name, errors);
    return this.addBuildsetForCall(callId, {
      ...{ builderNames, sourcestamps, priority },
      reason: this.#reasonString.replaceAll('%(owner)s', () => owner).replaceAll('%(reason)s', () => reason),
      properties: withSource({ ...values, reason, owner }),
    });
  }

  #wanted(names: readonly string[] | undefined): readonly string[] {
    const wanted =
      names === undefined ? this.builderNames : this.builderNames.filter((name) => names.includes(name));
    if (wanted.length > 0) return wanted;
    const given = names === undefined ? 'nothing' : names.join(', ');
    throw new StandinError(
      'no-builders',
      `scheduler '${this.name}' builds ${this.builderNames.join(', ')}, got ${given}`,
    );
  }
}

function stampOf(codebase: CodebaseParameter, answers: Answers, errors: AnswerErrors): Partial<SourceStamp> {
  const { patch, branch, revision, repository, project } = codebase.readFields(answers, errors, '');
  const texts = {
    ...{ branch: emptyToNull(branch), revision: emptyToNull(revision) },
    ...{ repository: textOf(repository), project: textOf(project) },
  };
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== null && text !== ''));
  const whole = patch as Patch | undefined;
  return { codebase: codebase.name, ...given, ...(isEmptyPatch(whole) ? {} : { patch: whole }) };
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function emptyToNull(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function withSource(values: JsonObject): Properties {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value, SOURCE] as const]));
}

function checkForce(name: string, builderNames: readonly string[], options: ForceOptions): void {
  const fail = (problem: string): never => {
    throw new ConfigError(`ForceScheduler '${name}' ${problem}`);
  };
  if (typeof name !== 'string' || !/^[\p{L}_-][\p{L}\p{N}_-]*$/u.test(name))
    fail('needs an identifier as its name: letters, digits, - and _');
  if (!Array.isArray(builderNames) || !builderNames.every((builder) => typeof builder === 'string'))
    fail('needs an array of names as its builderNames');
  const { properties = [], codebases = [''], reason, username, priority } = options;
  if (!Array.isArray(properties) || !properties.every((property) => property instanceof BaseParameter))
    fail('needs an array of parameters as its properties');
  const isCodebase = (each: unknown): boolean =>
    typeof each === 'string' || each instanceof CodebaseParameter;
  if (!Array.isArray(codebases) || codebases.length === 0 || !codebases.every(isCodebase))
    fail('needs an array of names or CodebaseParameters as its codebases, not an empty one');
  for (const [key, parameter] of Object.entries({ reason, username }))
    if (parameter !== undefined && !(parameter instanceof BaseParameter))
      fail(`needs a parameter as its ${key}`);
  if (priority !== undefined && !(priority instanceof IntParameter))
    fail('needs an IntParameter as its priority');
  for (const { name: parameter } of properties as readonly BaseParameter[])
    if (RESERVED.includes(parameter)) fail(`has a parameter '${parameter}', which is a reserved name`);
}
