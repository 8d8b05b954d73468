// The parameters of a ForceScheduler: what a form asks for, and how its answers are checked.
//
// An answer is a list of texts under the parameter's full name (that of its group, an underscore, its own). A parameter
// turns it into a value, or says in one sentence why it cannot; all such sentences are collected, by full name.
// @source buildbot master/buildbot/schedulers/forcesched.py

import { ConfigError } from '../core/errors.js';
import type { JsonObject, JsonValue } from '../core/json.js';

/** Full name of a parameter to what was filled in: one text, several, or a JSON value as it is. */
export type Answers = Readonly<Record<string, JsonValue | undefined>>;

/** Full name to one sentence. */
export type AnswerErrors = Map<string, string>;

export interface ParameterOptions {
  readonly name: string;
  /** For people; default the name. */
  readonly label?: string;
  /** Taken when nothing is filled in. */
  readonly default?: JsonValue;
  /** Something must be filled in. Default false. */
  readonly required?: boolean;
  /** Any number of answers, as a list. Default false. */
  readonly multiple?: boolean;
  /** What each text must match. */
  readonly regex?: RegExp;
  /** The longest text, in UTF-16 code units. */
  readonly maxsize?: number;
  /** Not shown; its default counts. Default false. */
  readonly hide?: boolean;
}

const OPTIONS: readonly string[] = [
  'name',
  'label',
  'default',
  'required',
  'multiple',
  'regex',
  'maxsize',
  'hide',
];

/** What is wrong with an answer. */
class AnswerError extends Error {}

export abstract class BaseParameter {
  readonly name: string;
  readonly label: string;
  /** For whoever draws the form. */
  abstract readonly type: string;
  protected readonly options: ParameterOptions;

  /** @throws ConfigError for an unknown option; `value` is called `default` here. */
  constructor(options: ParameterOptions, known: readonly string[] = []) {
    for (const key of Object.keys(options)) {
      if (key === 'value')
        throw new ConfigError(`parameter '${options.name}': use 'default' instead of 'value'`);
      if (![...OPTIONS, ...known].includes(key))
        throw new ConfigError(`parameter '${options.name}' has no option '${key}'`);
    }
    if (typeof options.name !== 'string') throw new ConfigError('a parameter needs a name');
    this.name = options.name;
    this.label = options.label ?? options.name;
    this.options = options;
  }

  /** What a form needs to know, as JSON. */
  spec(prefix = ''): JsonObject {
    const {
      default: fallback = null,
      required = false,
      multiple = false,
      hide = false,
      maxsize = null,
    } = this.options;
    const regex = this.options.regex?.source ?? null;
    const { name, label, type } = this;
    return {
      name,
      fullName: prefix + name,
      label,
      type,
      default: fallback,
      required,
      multiple,
      hide,
      maxsize,
      regex,
    };
  }

  /** The properties that the answers give: mostly one, its own. What is wrong goes into `errors`. */
  read(answers: Answers, errors: AnswerErrors, prefix = ''): JsonObject {
    const value = this.valueOf(answers, errors, prefix);
    return value === undefined ? {} : { [this.name]: value };
  }

  /** Its value by the answers; undefined when they are wrong, which `errors` then says. */
  valueOf(answers: Answers, errors: AnswerErrors, prefix = ''): JsonValue | undefined {
    const fullName = prefix + this.name;
    try {
      return this.#parseAll(answers[fullName]);
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      errors.set(fullName, error.message);
      return undefined;
    }
  }

  /** The value of one answer; throws by calling `fail`. */
  protected abstract parse(answer: JsonValue): JsonValue;

  protected get fallback(): JsonValue {
    return this.options.default ?? '';
  }

  protected fail(problem: string): never {
    throw new AnswerError(`'${this.label}' ${problem}`);
  }

  #parseAll(answer: JsonValue | undefined): JsonValue {
    const { multiple = false, required = false } = this.options;
    const isMissing = answer === undefined || answer === '' || (Array.isArray(answer) && answer.length === 0);
    const answers = Array.isArray(answer) ? answer : [answer as JsonValue];
    if (isMissing && required) this.fail('needs to be specified');
    if (isMissing) return multiple ? [] : this.fallback;
    const values = answers.map((each) => this.#parseOne(each));
    return multiple ? values : (values[0] ?? this.fallback);
  }

  #parseOne(answer: JsonValue): JsonValue {
    const { regex, maxsize = Number.POSITIVE_INFINITY } = this.options;
    const text = typeof answer === 'string' ? answer : null;
    if (text !== null && regex !== undefined && text.search(regex) < 0)
      this.fail(`does not match ${String(regex)}`);
    if (text !== null && text.length > maxsize)
      this.fail(`is too long: ${text.length} characters, at most ${maxsize}`);
    return this.parse(answer);
  }
}

/** One line. */
export class StringParameter extends BaseParameter {
  readonly type: string = 'text';

  protected override parse(answer: JsonValue): JsonValue {
    return typeof answer === 'string' ? answer : this.fail('must be a text');
  }
}

/** Several lines. */
export class TextParameter extends StringParameter {
  override readonly type = 'textarea';
}

/** The content of a file, at most 10 MiB unless it says otherwise. */
export class FileParameter extends StringParameter {
  override readonly type = 'file';

  constructor(options: ParameterOptions) {
    super({ maxsize: 10 * 1024 * 1024, ...options });
  }
}

export class IntParameter extends BaseParameter {
  readonly type = 'int';

  protected override parse(answer: JsonValue): JsonValue {
    const value = typeof answer === 'string' && /^\s*[+-]?\d+\s*$/.test(answer) ? Number(answer) : answer;
    return Number.isSafeInteger(value) ? value : this.fail('must be an integer');
  }

  protected override get fallback(): JsonValue {
    return this.options.default ?? 0;
  }
}

export class BooleanParameter extends BaseParameter {
  readonly type = 'bool';

  protected override parse(answer: JsonValue): JsonValue {
    if (typeof answer === 'boolean') return answer;
    const word = typeof answer === 'string' || typeof answer === 'number' ? String(answer).toLowerCase() : '';
    if (['true', 'on', '1', 'yes'].includes(word)) return true;
    return ['false', 'off', '0', 'no'].includes(word) ? false : this.fail('must be true or false');
  }

  protected override get fallback(): JsonValue {
    return this.options.default ?? false;
  }
}

/** A value that nobody can change. */
export class FixedParameter extends BaseParameter {
  readonly type = 'fixed';

  override valueOf(): JsonValue {
    return this.fallback;
  }

  protected override parse(): JsonValue {
    return this.fallback;
  }
}

/** Whoever forces the build: `me@example.org`, with or without a name before it and angle brackets around it. */
export class UserNameParameter extends StringParameter {
  override readonly type = 'username';

  protected override parse(answer: JsonValue): JsonValue {
    const isAddress =
      typeof answer === 'string' && /^(?:[^<>@]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/.test(answer);
    return isAddress ? answer : this.fail("must be an address like 'User <user@example.org>'");
  }
}

/** One of several texts, or some of them. */
export class ChoiceStringParameter extends BaseParameter {
  readonly type = 'list';
  readonly #choices: readonly string[];
  readonly #isStrict: boolean;

  /** `strict`: nothing but a choice is taken. Default true. */
  constructor(
    options: ParameterOptions & { readonly choices: readonly string[]; readonly strict?: boolean },
  ) {
    super(options, ['choices', 'strict']);
    this.#choices = options.choices;
    this.#isStrict = options.strict ?? true;
  }

  override spec(prefix = ''): JsonObject {
    return { ...super.spec(prefix), choices: this.#choices, strict: this.#isStrict };
  }

  protected override parse(answer: JsonValue): JsonValue {
    if (typeof answer !== 'string') return this.fail('must be a text');
    if (!this.#isStrict || this.#choices.includes(answer)) return answer;
    return this.fail(`is '${answer}', expected one of ${this.#choices.join(', ')}`);
  }
}

/** A group of parameters, whose values are a property of the group's name; those of a group without a name stand alone. */
export class NestedParameter extends BaseParameter {
  readonly type: string = 'nested';
  readonly fields: readonly BaseParameter[];

  constructor(options: ParameterOptions & { readonly fields: readonly BaseParameter[] }) {
    super(options, ['fields']);
    this.fields = options.fields;
  }

  override spec(prefix = ''): JsonObject {
    const inner = this.prefixOf(prefix);
    return { ...super.spec(prefix), fields: this.fields.map((field) => field.spec(inner)) };
  }

  override read(answers: Answers, errors: AnswerErrors, prefix = ''): JsonObject {
    const values = this.readFields(answers, errors, prefix);
    return this.name === '' ? values : { [this.name]: values };
  }

  /** The values of its fields by their names. */
  readFields(answers: Answers, errors: AnswerErrors, prefix: string): JsonObject {
    const inner = this.prefixOf(prefix);
    return Object.assign({}, ...this.fields.map((field) => field.read(answers, errors, inner))) as JsonObject;
  }

  protected override parse(answer: JsonValue): JsonValue {
    return answer;
  }

  protected prefixOf(prefix: string): string {
    return this.name === '' ? prefix : `${prefix}${this.name}_`;
  }
}

/** A property whose name is filled in, too. */
export class AnyPropertyParameter extends NestedParameter {
  override readonly type = 'any';

  constructor(options: ParameterOptions) {
    const fields = [new StringParameter({ name: 'name' }), new StringParameter({ name: 'value' })];
    super({ ...options, fields });
  }

  override read(answers: Answers, errors: AnswerErrors, prefix = ''): JsonObject {
    const { name, value } = this.readFields(answers, errors, prefix);
    return typeof name === 'string' && name !== '' ? { [name]: value ?? '' } : {};
  }
}

/** A patch that is applied before the build. */
export class PatchParameter extends NestedParameter {
  override readonly type = 'patch';

  constructor(options: Partial<ParameterOptions> = {}) {
    const fields = [
      new FileParameter({ name: 'body' }),
      new IntParameter({ name: 'level', default: 1 }),
      new StringParameter({ name: 'author' }),
      new StringParameter({ name: 'comment' }),
      new StringParameter({ name: 'subdir', default: '.' }),
    ];
    super({ name: 'patch', ...options, fields });
  }
}

/** What to build of a codebase: branch, revision, repository, project, and a patch if it is given a PatchParameter. */
export class CodebaseParameter extends NestedParameter {
  override readonly type = 'codebase';

  constructor(options: {
    readonly codebase: string;
    readonly branch?: BaseParameter;
    readonly revision?: BaseParameter;
    readonly repository?: BaseParameter;
    readonly project?: BaseParameter;
    readonly patch?: PatchParameter;
  }) {
    const { codebase, patch } = options;
    if (typeof codebase !== 'string')
      throw new ConfigError('a CodebaseParameter needs the name of a codebase');
    const fields = (['branch', 'revision', 'repository', 'project'] as const).map(
      (name) => options[name] ?? new StringParameter({ name }),
    );
    super({ name: codebase, fields: patch === undefined ? fields : [...fields, patch] });
  }
}
