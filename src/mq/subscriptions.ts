// Subscriptions, kept as a trie by word, so that matching a key costs as much as there are matching subscriptions,
// however many others there are. A node has a child for each word and one for "any word"; nodes that hold nothing are
// pruned. Matches come in the order in which they were added.

import type { Filter, RoutingKey } from '../core/routing-key.js';
import { assert } from '../core/assert.js';

/** A multimap from filters to values, asked by routing key. */
export class Subscriptions<T> {
  readonly #root: TrieNode<T> = emptyNode();
  #nextSequence = 0;
  #size = 0;

  /** How many values there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds `value` under `filter`, also when it is there already. Returns what removes it; calling that twice is harmless. */
  add(filter: Filter, value: T): () => void {
    const entry: Entry<T> = { sequence: this.#nextSequence++, value };
    let node = this.#root;
    for (const word of filter) node = childFor(node, word);
    node.entries.add(entry);
    this.#size++;
    return () => this.#remove([...filter], entry);
  }

  /** The values whose filter matches `key`, oldest first: a snapshot, which later additions and removals do not change. */
  match(key: RoutingKey): T[] {
    const leaves: TrieNode<T>[] = [];
    collect(this.#root, key, 0, leaves);
    const entries = leaves.flatMap((leaf) => [...leaf.entries]);
    // Entries of one leaf are in order already.
    if (leaves.length > 1) entries.sort((a, b) => a.sequence - b.sequence);
    return entries.map((entry) => entry.value);
  }

  #remove(filter: Filter, entry: Entry<T>): void {
    const path: TrieNode<T>[] = [this.#root];
    for (const word of filter) {
      const node = path.at(-1);
      const child = word === null ? node?.any : node?.words.get(word);
      if (child === undefined || child === null) return;
      path.push(child);
    }
    if (path.at(-1)?.entries.delete(entry) !== true) return;
    this.#size--;
    prune(path, filter);
  }
}

interface Entry<T> {
  readonly sequence: number;
  readonly value: T;
}

interface TrieNode<T> {
  readonly words: Map<string, TrieNode<T>>;
  any: TrieNode<T> | null;
  readonly entries: Set<Entry<T>>;
}

function emptyNode<T>(): TrieNode<T> {
  return { words: new Map(), any: null, entries: new Set() };
}

function childFor<T>(node: TrieNode<T>, word: string | null): TrieNode<T> {
  if (word === null) return (node.any ??= emptyNode());
  let child = node.words.get(word);
  if (child === undefined) {
    child = emptyNode();
    node.words.set(word, child);
  }
  return child;
}

function collect<T>(node: TrieNode<T>, key: RoutingKey, depth: number, leaves: TrieNode<T>[]): void {
  const word = key[depth];
  if (word === undefined) {
    if (node.entries.size > 0) leaves.push(node);
    return;
  }
  const child = node.words.get(word);
  if (child !== undefined) collect(child, key, depth + 1, leaves);
  if (node.any !== null) collect(node.any, key, depth + 1, leaves);
}

function prune<T>(path: readonly TrieNode<T>[], filter: Filter): void {
  for (let depth = filter.length; depth > 0; depth--) {
    const node = path[depth];
    const parent = path[depth - 1];
    const word = filter[depth - 1];
    assert(
      node !== undefined && parent !== undefined && word !== undefined,
      'a path is as long as its filter',
    );
    if (node.entries.size > 0 || node.words.size > 0 || node.any !== null) return;
    if (word === null) parent.any = null;
    else parent.words.delete(word);
  }
}
