// Math.random and the random parts of crypto: drawn from the current process's generator.

import type { NodeProcess } from '../process.js';
import { ambientProcess } from './ambient.js';
import { ambientRandom, type AmbientRandom } from './ambient-random.js';
import { builtin, define, replace, type AnyFunction, type Holder } from './patch.js';

const MAX_VALUES_BYTES = 65_536;

export function guardRandomness(): void {
  route(Math as unknown as Holder, 'random', 'Math.random', (random) => random.unit());
  const crypto = builtin('crypto');
  route(crypto, 'randomUUID', 'crypto.randomUUID', uuid);
  routeWithCallback(crypto, 'randomBytes', (random, size) => filled(random, Buffer.alloc(Number(size))));
  for (const alias of ['pseudoRandomBytes', 'prng', 'rng'])
    if (alias in crypto) define(crypto, alias, crypto['randomBytes']);
  routeWithCallback(crypto, 'randomInt', (random, low, high) =>
    high === undefined ? random.integer(0, Number(low)) : random.integer(Number(low), Number(high)),
  );
  route(crypto, 'randomFillSync', 'crypto.randomFillSync', fillPart);
  routeWithCallback(crypto, 'randomFill', fillPart);
  // The module's own getRandomValues reads that of the global object.
  const webcrypto = globalThis.crypto as unknown as Holder;
  route(webcrypto, 'getRandomValues', 'crypto.getRandomValues', getRandomValues);
  route(webcrypto, 'randomUUID', 'crypto.randomUUID', uuid);
}

type Draw = (random: AmbientRandom, ...values: unknown[]) => unknown;

function route(holder: Holder, key: string, name: string, draw: Draw): void {
  replace(holder, key, (original) => {
    return function (...values: unknown[]): unknown {
      const current = ambientProcess(name);
      return current === null ? original.apply(holder, values) : draw(ambientRandom(current), ...values);
    };
  });
}

/** Functions that take a Node callback as their last argument, or return the value without one. */
function routeWithCallback(holder: Holder, key: string, draw: Draw): void {
  replace(holder, key, (original) => {
    return function (...values: unknown[]): unknown {
      const current = ambientProcess(`crypto.${key}`);
      if (current === null) return original.apply(holder, values);
      const last = values.at(-1);
      if (typeof last !== 'function') return draw(ambientRandom(current), ...values);
      const value = draw(ambientRandom(current), ...values.slice(0, -1));
      callBack(current, last as AnyFunction, value);
      return undefined;
    };
  });
}

function callBack(process: NodeProcess, callback: AnyFunction, value: unknown): void {
  process.host.atProcess(process.host.nowUs, process, () => void callback(null, value));
}

function filled<T extends ArrayBufferView>(random: AmbientRandom, view: T): T {
  random.fill(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return view;
}

function getRandomValues(random: AmbientRandom, view: unknown): unknown {
  if (!ArrayBuffer.isView(view))
    throw new TypeError('crypto.getRandomValues expects a typed array of integers');
  if (view.byteLength > MAX_VALUES_BYTES)
    throw new RangeError(`crypto.getRandomValues fills at most ${MAX_VALUES_BYTES} bytes`);
  return filled(random, view);
}

/** `offset` and `size` count in elements of the view, as in Node. */
function fillPart(random: AmbientRandom, view: unknown, offset: unknown = 0, size?: unknown): unknown {
  const bytes = ArrayBuffer.isView(view)
    ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    : new Uint8Array(view as ArrayBuffer);
  const unit = (view as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
  const start = Number(offset) * unit;
  random.fill(bytes.subarray(start, size === undefined ? bytes.length : start + Number(size) * unit));
  return view;
}

function uuid(random: AmbientRandom): string {
  const bytes = filled(random, Buffer.alloc(16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const digits = bytes.toString('hex');
  const cuts = [0, 8, 12, 16, 20, 32];
  return cuts.slice(1).map((end, i) => digits.slice(cuts[i], end)).join('-'); // prettier-ignore
}
