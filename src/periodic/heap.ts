// A binary heap whose items know their places, so that one of them can be moved up. An item is in one heap at a time. The
// order of equal items is not defined: give a total order where that can be seen.

/** True when `a` comes before `b`. */
export type Precedes<T> = (a: T, b: T) => boolean;

/** What can be in a heap. */
export interface Placed {
  /** The heap's own; −1 outside of one. */
  place: number;
}

export class Heap<T extends Placed> {
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
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Takes the first item out. O(log n). */
  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (this.#items.length > 0) this.#sink(last as T);
    if (first !== undefined) first.place = -1;
    return first;
  }

  /** To be called when `item`, which is in this heap, has come to precede others that it did not precede. O(log n). */
  moveUp(item: T): void {
    this.#rise(item, item.place);
  }

  #rise(item: T, from: number): void {
    const items = this.#items;
    let hole = from;
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      const parent = items[above] as T;
      if (!this.#precedes(item, parent)) break;
      this.#put(parent, hole);
      hole = above;
    }
    this.#put(item, hole);
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
      this.#put(items[lesser] as T, hole);
      hole = lesser;
    }
    this.#put(item, hole);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
