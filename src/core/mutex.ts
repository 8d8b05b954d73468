// A first-come, first-served lock for asynchronous sections of one process.

export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  /** Runs `section` when every section before it has ended; its error is the caller's and harms no later section. */
  run<T>(section: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(section);
    this.#tail = result.then(
      () => undefined,
      () => undefined, // the caller of that section sees the error
    );
    return result;
  }

  /** Resolves when every section that was entered before this call has ended. */
  idle(): Promise<void> {
    return this.#tail;
  }
}
