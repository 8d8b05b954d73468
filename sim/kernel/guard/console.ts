// console: output is host code, so that the streams below it are not taken for the process's own work.

import { executing } from '../executing.js';
import { replace, type Holder } from './patch.js';

const METHODS = [
  'log',
  'info',
  'debug',
  'warn',
  'error',
  'trace',
  'dir',
  'dirxml',
  'table',
  'group',
  'assert',
];

export function guardConsole(): void {
  for (const method of METHODS) {
    replace(console as unknown as Holder, method, (original) => {
      return function (this: unknown, ...values: unknown[]): unknown {
        if (executing === null) return original.apply(this, values);
        return executing.host(() => original.apply(this, values));
      };
    });
  }
}
