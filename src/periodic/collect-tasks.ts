// Which tasks an object has by its class: those of its ancestors first, then its own, in the order of the source.
//
// A method that overrides a task takes its place: decorated again, with its own options; without, its body runs under the
// options of the ancestor, as a call of that method would. (The reference runs the ancestor's body; see compat-schedule.ts.)

import { ConfigError } from '../core/errors.js';
import type { TaskBody, TaskDefinition } from './task-definition.js';

/** Reads the mark of a function, or null. */
export type ReadMark = (value: unknown) => TaskDefinition | null;

/**
 * The tasks of `object`, disabled ones included.
 * @throws ConfigError when two methods that do not override each other have one name.
 */
export function collectTasks(object: object, markOf: ReadMark): readonly TaskDefinition[] {
  const byMethod = new Map<string | symbol, TaskDefinition>();
  for (const [method, value] of methodsOf(object)) {
    const overridden = byMethod.get(method);
    const own = markOf(value);
    if (own !== null) byMethod.set(method, own);
    else if (overridden !== undefined) byMethod.set(method, withBody(overridden, method, value));
  }
  const tasks = [...byMethod.values()];
  requireDistinctNames(tasks, object.constructor.name);
  return tasks;
}

/** All marked functions of the classes of `object`, overridden ones too, ancestors first. */
export function collectAllTasks(object: object, markOf: ReadMark): readonly TaskDefinition[] {
  return methodsOf(object).flatMap(([, value]) => markOf(value) ?? []);
}

function methodsOf(object: object): readonly (readonly [string | symbol, unknown])[] {
  const classes: object[] = [];
  let prototype: unknown = Object.getPrototypeOf(object);
  while (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) {
    classes.unshift(prototype);
    prototype = Object.getPrototypeOf(prototype);
  }
  // By descriptor: reading a property would run a getter of an object that is not finished yet.
  return classes.flatMap((of) =>
    Reflect.ownKeys(of).map((key) => [key, Object.getOwnPropertyDescriptor(of, key)?.value] as const),
  );
}

function withBody(task: TaskDefinition, method: string | symbol, value: unknown): TaskDefinition {
  if (typeof value === 'function') return { ...task, body: value as TaskBody };
  throw new ConfigError(`${String(method)} overrides the periodic task ${task.name} and is no method`);
}

function requireDistinctNames(tasks: readonly TaskDefinition[], owner: string): void {
  const names = new Set<string>();
  for (const { name } of tasks) {
    if (names.has(name)) throw new ConfigError(`${owner}: two periodic tasks are called ${name}`);
    names.add(name);
  }
}
