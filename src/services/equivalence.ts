// Whether two services are configured alike, so that a reconfiguration may leave the running one untouched.
//
// A class declares in a static `compareAttrs` which attributes of its instances say how they are configured; those of its
// base classes count too. Values are compared by what they hold; what cannot be looked into (a function, an object of a
// class without `compareAttrs`) is equal to itself only: when in doubt, a service counts as changed and is replaced.
// @source buildbot master/buildbot/util/__init__.py ComparableMixin

import { ConfigError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';

/** True when both are of the same class and have equal values in all compared attributes. @throws ConfigError */
export function isEquivalent(left: object, right: object): boolean {
  if (left === right) return true;
  if (left.constructor !== right.constructor) return false;
  return comparedAttributes(left).every((name) => isEqual(valueOf(left, name), valueOf(right, name)));
}

/** The attributes that the class of `instance` and its base classes declare. @throws ConfigError for one that is not there. */
export function comparedAttributes(instance: object): readonly string[] {
  const names = new Set<string>();
  const classes: object[] = [];
  for (let type: unknown = instance.constructor; typeof type === 'function' && type !== Function.prototype;) {
    classes.unshift(type);
    type = Object.getPrototypeOf(type) as unknown;
  }
  for (const type of classes) for (const name of declaredBy(type)) names.add(name);
  for (const name of names) if (!(name in instance)) refuse(instance, name);
  return [...names];
}

function declaredBy(type: object): readonly string[] {
  const declared = Object.hasOwn(type, 'compareAttrs') ? valueOf(type, 'compareAttrs') : [];
  if (Array.isArray(declared) && declared.every((name) => typeof name === 'string')) return declared;
  throw new ConfigError(`compareAttrs of class ${nameOf(type)} must be an array of names of attributes`);
}

function refuse(instance: object, name: string): never {
  const hint = nearest(name, Object.keys(instance));
  throw new ConfigError(
    `compareAttrs of class ${nameOf(instance.constructor)} names '${name}', which its instances do not have${hint}`,
  );
}

/** True when both hold the same. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (left.constructor !== right.constructor) return false;
  if (left instanceof RegExp) return right instanceof RegExp && left.toString() === right.toString();
  if (Array.isArray(left)) return Array.isArray(right) && isEqualList(left, right);
  if (left instanceof Map || left instanceof Set) return isEqualList([...left], [...(right as Set<unknown>)]);
  if (isPlain(left)) return isEqualRecord(left, right);
  return comparedAttributes(left).length > 0 && isEquivalent(left, right);
}

function isEqualList(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((item, i) => isEqual(item, right[i]));
}

/** An attribute that is undefined is as good as none. */
function isEqualRecord(left: object, right: object): boolean {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => isEqual(valueOf(left, name), valueOf(right, name)));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function valueOf(holder: object, name: string): unknown {
  return (holder as Record<string, unknown>)[name];
}

function nameOf(type: unknown): string {
  return typeof type === 'function' ? type.name : typeof type;
}
