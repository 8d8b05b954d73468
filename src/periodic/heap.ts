// A binary heap. The order of equal items is not defined: give a total order where that can be seen.

/** True when `a` comes before `b`. */
export type Precedes<T> = (a: T, b: T) => boolean;

export class Heap<T> {
  readonly #items: T[] = [];
  readonly #precedes: Precedes<T>;

  constructor(precedes: Precedes<T>) {
    this.#precedes = precedes;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The first item, still in the heap. O(1). */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** O(log n). */
  push(item: T): void {
    const items = this.#items;
    let hole = items.length;
    items.push(item);
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      const parent = items[above] as T;
      if (!this.#precedes(item, parent)) break;
      items[hole] = parent;
      hole = above;
    }
    items[hole] = item;
  }

  /** Takes the first item out. O(log n). */
  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (this.#items.length > 0) this.#sink(last as T);
    return first;
  }

  #sink(item: T): void {
    const items = this.#items;
    const size = items.length;
    let hole = 0;
    for (let child = 1; child < size; child = 2 * hole + 1) {
      const right = child + 1;
      const isRight = right < size && this.#precedes(items[right] as T, items[child] as T);
      const lesser = isRight ? right : child;
      if (!this.#precedes(items[lesser] as T, item)) break;
      items[hole] = items[lesser] as T;
      hole = lesser;
    }
    items[hole] = item;
  }
}
