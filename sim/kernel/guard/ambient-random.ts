// The randomness of one process: a small generator (sfc32), seeded by one decision per incarnation.
//
// One decision, not one per draw: careless code draws thousands, which nobody wants to see in a saved plan. The node's
// name goes into the seed beside the decision, so that ids made up by two nodes differ even when every decision is 0.

import type { NodeProcess } from '../process.js';

const SEEDS = 0x100000000;
const TWO_TO_53 = 0x20000000000000;

export class AmbientRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, name: string, incarnation: number) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    this.#a = seed | 0;
    this.#b = hash;
    this.#c = Math.imul(incarnation, 0x9e3779b1);
    for (let i = 0; i < 16; i++) this.next();
  }

  /** 32 bits, as a signed integer. */
  next(): number {
    const value = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + value) | 0;
    return value;
  }

  /** In [0, 1), with 53 bits. */
  unit(): number {
    const high = this.next() >>> 5;
    return (high * 0x4000000 + (this.next() >>> 6)) / TWO_TO_53;
  }

  /** A uniform integer in [low, high); high - low at most 2^48. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low));
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i += 4) {
      const word = this.next();
      for (let j = i; j < i + 4 && j < bytes.length; j++) bytes[j] = word >>> (8 * (j - i));
    }
  }
}

const generators = new WeakMap<NodeProcess, AmbientRandom>();

/** The generator of `process`; the decision is drawn at its first use. */
export function ambientRandom(process: NodeProcess): AmbientRandom {
  let generator = generators.get(process);
  if (generator === undefined) {
    const seed = process.host.ambientStream(process).choose(SEEDS);
    generator = new AmbientRandom(seed, process.node.name, process.incarnation);
    generators.set(process, generator);
  }
  return generator;
}
