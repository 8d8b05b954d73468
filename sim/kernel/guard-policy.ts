// How a run treats ambient globals (clock, timers, randomness) that user and third-party code reaches for.

/** A place in a source file; lines and columns count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
}

/** A frame of a stack, as the engine names it. */
export interface StackPlace extends SourcePlace {
  readonly column: number;
}

export interface GuardPolicy {
  /** `route`: to the current process, and counted. `strict`: refused with file and line, except from node_modules. */
  readonly mode: 'route' | 'strict';
  /** Translates a frame (of a bundle, say) to the user's source; null when the frame is not one it knows. */
  sourceOf?(frame: StackPlace): SourcePlace | null;
}
