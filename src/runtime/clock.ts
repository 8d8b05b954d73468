// The clock port. Nothing else in src/ may ask for the time or wait for it.
//
// The wall clock is for people and for calendars: it may be wrong, jump and run backwards. The monotonic clock is for
// leases, time-outs and spacing: it never steps, and goes on while the process is suspended.

/** A timer that has been set. */
export interface Timer {
  /** The callback will not run any more; harmless when it already has. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch, an integer. May step in either direction. */
  wallMs(): number;
  /** Milliseconds since an arbitrary origin of this process, an integer. Never steps. */
  monotonicMs(): number;
  /** Calls `callback` once, `delayMs` (truncated, at least 0, at most 2^31 - 1) from now on the monotonic clock. */
  setTimer(callback: () => void, delayMs: number): Timer;
}

/** Seconds since the epoch, as the database and message bodies hold them. */
export function wallSeconds(clock: Clock): number {
  return Math.floor(clock.wallMs() / 1000);
}

/**
 * Resolves after `delayMs`, or at once when `signal` aborts.
 * It resolves in both cases: the caller looks at the signal.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      resolve();
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
