// The clock of one machine: how its monotonic and wall clocks relate to true time.
//
// Both run at the machine's own rate (drift); only the wall clock has an offset and steps. Both belong to the machine:
// they go on while its process is paused or down, and survive its restarts. All arithmetic is in integers.

import { assert } from '../../src/core/assert.js';

/** When the world begins unless a plan says otherwise: 2026-01-05T00:00:00Z, a Monday. Milliseconds since the epoch. */
export const WORLD_EPOCH_MS = 1_767_571_200_000;

/** The largest drift, either way. */
export const MAX_DRIFT_PPM = 100_000;

const MILLION = 1_000_000;

export class MachineClock {
  /** Wall clock minus monotonic clock. */
  #wallOffsetMs: number;
  #driftPpm = 0;
  /** The line through (true, local) that the local time follows since the last change of rate. */
  #originUs = 0;
  #originLocalUs: number;

  /**
   * `bootUs`: how long the machine has been running at true time 0; `epochMs`: what a wall clock without offset shows
   * then, in milliseconds since the epoch.
   */
  constructor(offsetMs: number, driftPpm: number, bootUs: number, epochMs: number = WORLD_EPOCH_MS) {
    assert(Number.isSafeInteger(offsetMs), `a clock offset is an integer of milliseconds, got ${offsetMs}`);
    this.#wallOffsetMs = epochMs + offsetMs - Math.floor(bootUs / 1000);
    this.#originLocalUs = bootUs;
    this.setDrift(0, driftPpm);
  }

  /** Microseconds since the boot of the machine, by its own reckoning, at true time `nowUs`. */
  localUs(nowUs: number): number {
    const elapsed = nowUs - this.#originUs;
    return this.#originLocalUs + elapsed + drifted(elapsed, this.#driftPpm);
  }

  /** Integer milliseconds since the boot of the machine. */
  monotonicMs(nowUs: number): number {
    return Math.floor(this.localUs(nowUs) / 1000);
  }

  /** Integer milliseconds since the epoch. */
  wallMs(nowUs: number): number {
    return this.#wallOffsetMs + this.monotonicMs(nowUs);
  }

  /** The first true instant, not before `nowUs`, at which `monotonicMs` is at least `targetMs`. */
  trueUsOf(targetMs: number, nowUs: number): number {
    const target = targetMs * 1000;
    const wanted = target - this.#originLocalUs;
    if (this.#driftPpm === 0) return Math.max(nowUs, this.#originUs + wanted);
    let at = this.#originUs + Math.floor(wanted / (1 + this.#driftPpm / MILLION));
    while (this.localUs(at) >= target) at -= 1;
    while (this.localUs(at) < target) at += 1;
    return Math.max(nowUs, at);
  }

  /** Moves the wall clock by `deltaMs`, in either direction. */
  step(deltaMs: number): void {
    assert(Number.isSafeInteger(deltaMs), `a clock step is an integer of milliseconds, got ${deltaMs}`);
    this.#wallOffsetMs += deltaMs;
  }

  /** From true time `nowUs` on, both clocks gain `ppm` microseconds a second (lose, when negative). */
  setDrift(nowUs: number, ppm: number): void {
    const isValid = Number.isInteger(ppm) && Math.abs(ppm) <= MAX_DRIFT_PPM;
    assert(isValid, `drift is an integer within ±${MAX_DRIFT_PPM} ppm, got ${ppm}`);
    this.#originLocalUs = this.localUs(nowUs);
    this.#originUs = nowUs;
    this.#driftPpm = ppm;
  }
}

/** floor(elapsed × ppm / 10^6), in two parts so that no product exceeds 2^53 in a thousand years. */
function drifted(elapsedUs: number, ppm: number): number {
  if (ppm === 0) return 0;
  const seconds = Math.floor(elapsedUs / MILLION);
  return seconds * ppm + Math.floor(((elapsedUs - seconds * MILLION) * ppm) / MILLION);
}
