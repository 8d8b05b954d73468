// `driverPeriodicTask`: marks a method of a driver as a task that the driver's manager runs for it, by
// `manager.addDriverTasks(driver)`. It is called with the manager and the context; `this` is the driver.
//
// By default such a task is parallel: the pass of the manager starts it and goes on. It never overlaps itself: a run that
// outlasts its spacing takes the place of the runs that would have begun meanwhile. One that is not parallel delays the
// tasks after it, and they delay it.

import { mark, markOf, type TaskDecorator } from './periodic-task.js';
import {
  checkOptions,
  defineTask,
  type PeriodicTaskOptions,
  type TaskBody,
  type TaskDefinition,
} from './task-definition.js';

/** Bare, `@driverPeriodicTask`: every 60 s, parallel. */
export function driverPeriodicTask<Body extends TaskBody>(
  body: Body,
  context?: ClassMethodDecoratorContext,
): Body;
/** Marks `body`; for those who use no decorators. */
export function driverPeriodicTask<Body extends TaskBody>(options: PeriodicTaskOptions, body: Body): Body;
/** `@driverPeriodicTask({ … })`. */
export function driverPeriodicTask(options: PeriodicTaskOptions): TaskDecorator;
/** @throws ConfigError for a wrong argument, for what is no method, and for a function that is marked already. */
export function driverPeriodicTask(
  first: PeriodicTaskOptions | TaskBody,
  second?: TaskBody | ClassMethodDecoratorContext,
): TaskBody | TaskDecorator {
  if (typeof first === 'function') return mark(DRIVER_TASK, first, second, (body) => define({}, body));
  checkOptions('driverPeriodicTask', first);
  const decorate: TaskDecorator = (body, context) =>
    mark(DRIVER_TASK, body, context, (marked) => define(first, marked));
  return typeof second === 'function' ? decorate(second) : decorate;
}

/** The definition that `value` carries, or null when it is no task of a driver. */
export function driverTaskOf(value: unknown): TaskDefinition | null {
  return markOf(DRIVER_TASK, value);
}

const DRIVER_TASK = Symbol('driverPeriodicTask');

function define(options: PeriodicTaskOptions, body: TaskBody): TaskDefinition {
  return defineTask('driverPeriodicTask', { ...options, parallel: options.parallel ?? true }, body);
}
