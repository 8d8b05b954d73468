// The one base class of errors that can happen in operation. Every such error has a stable code, says whether
// trying again may help, and whether its outcome is definite (nothing happened) or unknown (it may have happened).

/** How an error relates to what was attempted. */
export interface ErrorTraits {
  /** Trying the same again may succeed. */
  readonly isRetryable?: boolean;
  /** False when what was attempted may have taken effect all the same (a connection lost during COMMIT). */
  readonly isDefinite?: boolean;
  /** Nothing that happens in operation causes it, only the code that was called. */
  readonly isMistake?: boolean;
}

/** Base of all typed errors; `message` names the thing, what was expected and what was got. */
export class StandinError extends Error {
  readonly code: string;
  readonly isRetryable: boolean;
  readonly isDefinite: boolean;
  readonly isMistake: boolean;

  constructor(code: string, message: string, traits: ErrorTraits = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.isRetryable = traits.isRetryable ?? false;
    this.isDefinite = traits.isDefinite ?? true;
    this.isMistake = traits.isMistake ?? false;
  }
}

/** Wrong configuration or wrong arguments of a user; never retryable. */
export class ConfigError extends StandinError {
  constructor(message: string) {
    super('config', message, { isMistake: true });
  }
}

/** Whether only a mistake in the code that was called can be the cause: an engine's error is, unless it ended a wait. */
export function isMistake(error: unknown): boolean {
  if (error instanceof StandinError) return error.isMistake;
  return !(error instanceof Error && error.name === 'AbortError');
}

/** One line for a log or a trace: typed errors with code and message, engine errors by class name only (their texts differ between engines). */
export function describeError(error: unknown): string {
  if (error instanceof StandinError) return `${error.code}: ${error.message}`;
  if (error instanceof Error) return error.constructor.name;
  return typeof error;
}
