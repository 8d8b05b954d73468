// `periodicTask`: marks a function as a periodic task, as a standard decorator of a method or by a plain call.
//
//   class Manager extends PeriodicTasks {
//     @periodicTask({ spacing: 30 }) async sync(context: Context) { … }
//   }
//   manager.addPeriodicTask(periodicTask({ spacing: 30, name: 'sync' }, async (context) => { … }));
//
// The mark is a property of the function that nobody can change; there is no registry. PeriodicTasks looks for marks when
// it is made (see collect-tasks.ts).

import { ConfigError } from '../core/errors.js';
import {
  defineTask,
  inWords,
  type PeriodicTaskOptions,
  type TaskBody,
  type TaskDefinition,
} from './task-definition.js';

/** What a decorator leaves behind: takes a method with its decorator context, or a plain function, and marks it. */
export type TaskDecorator = <Body extends TaskBody>(
  body: Body,
  context?: ClassMethodDecoratorContext,
) => Body;

/** Bare, `@periodicTask`: every 60 s. */
export function periodicTask<Body extends TaskBody>(body: Body, context?: ClassMethodDecoratorContext): Body;
/** Marks `body`; for those who use no decorators. */
export function periodicTask<Body extends TaskBody>(options: PeriodicTaskOptions, body: Body): Body;
/** `@periodicTask({ … })`. */
export function periodicTask(options: PeriodicTaskOptions): TaskDecorator;
/** @throws ConfigError for a wrong argument, for what is no method, and for a function that is marked already. */
export function periodicTask(
  first: PeriodicTaskOptions | TaskBody,
  second?: TaskBody | ClassMethodDecoratorContext,
): TaskBody | TaskDecorator {
  if (typeof first === 'function') {
    return mark(PERIODIC_TASK, first, second, (body) => defineTask('periodicTask', {}, body));
  }
  defineTask('periodicTask', first, nameless);
  const decorate: TaskDecorator = (body, context) =>
    mark(PERIODIC_TASK, body, context, (marked) => defineTask('periodicTask', first, marked));
  return typeof second === 'function' ? decorate(second) : decorate;
}

/** The definition that `value` carries, or null when it is no periodic task. */
export function taskOf(value: unknown): TaskDefinition | null {
  return markOf(PERIODIC_TASK, value);
}

/**
 * Marks `body` with what `define` makes of it, under the property `key`. `context` is that of the decorator, if any.
 * @throws ConfigError as `periodicTask` does.
 */
export function mark<Body extends TaskBody>(
  key: symbol,
  body: Body,
  context: unknown,
  define: (body: Body) => TaskDefinition,
): Body {
  const kind = key.description ?? '';
  if (typeof body !== 'function') throw new ConfigError(`${kind}: expected a function, got ${inWords(body)}`);
  if (context !== undefined) checkContext(kind, context);
  if (Object.hasOwn(body, key)) {
    throw new ConfigError(
      `${kind}: ${inWords(body)} is a periodic task already; wrap it to make it another one`,
    );
  }
  Object.defineProperty(body, key, { value: define(body) });
  return body;
}

/** What `mark` left at `value` under `key`, or null. */
export function markOf(key: symbol, value: unknown): TaskDefinition | null {
  if (typeof value !== 'function' || !Object.hasOwn(value, key)) return null;
  return (value as unknown as Readonly<Record<symbol, TaskDefinition>>)[key] ?? null;
}

const PERIODIC_TASK = Symbol('periodicTask');

/** Stands for the body while only the options are checked: a wrong one shows at the line that has it. */
function nameless(): void {}

function checkContext(kind: string, context: unknown): void {
  const { kind: of, isStatic, isPrivate } = readContext(context);
  if (of !== 'method') throw new ConfigError(`${kind}: expected a method to decorate, got ${of}`);
  if (isStatic) throw new ConfigError(`${kind}: a static method belongs to no instance that could run it`);
  if (isPrivate)
    throw new ConfigError(`${kind}: a method with # cannot be found from outside; name it without`);
}

function readContext(context: unknown): { kind: string; isStatic: boolean; isPrivate: boolean } {
  if (typeof context !== 'object' || context === null || !('kind' in context)) {
    return { kind: `${inWords(context)} (are these legacy decorators?)`, isStatic: false, isPrivate: false };
  }
  const { kind, static: isStatic, private: isPrivate } = context as ClassMethodDecoratorContext;
  return { kind: `a ${String(kind)}`.replace('a method', 'method'), isStatic, isPrivate };
}
