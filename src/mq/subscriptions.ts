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
    (node.entries ??= new Set()).add(entry);
    node.snapshot = null;
    this.#size++;
    return () => this.#remove([...filter], entry);
  }

  /** The values whose filter matches `key`, oldest first: a snapshot, which later additions and removals do not change. */
  match(key: RoutingKey): readonly T[] {
    const leaves: TrieNode<T>[] = [];
    collect(this.#root, key, 0, leaves);
    let matched: Snapshot<T> | null = null;
    for (const leaf of leaves) {
      const snapshot = snapshotOf(leaf);
      matched = matched === null ? snapshot : merge(matched, snapshot);
    }
    return matched?.values ?? [];
  }

  #remove(filter: Filter, entry: Entry<T>): void {
    const path: TrieNode<T>[] = [this.#root];
    for (const word of filter) {
      const node = path.at(-1);
      const child = word === null ? node?.any : node?.words?.get(word);
      if (child === undefined || child === null) return;
      path.push(child);
    }
    const leaf = path.at(-1);
    if (leaf?.entries?.delete(entry) !== true) return;
    leaf.snapshot = null;
    this.#size--;
    prune(path, filter);
  }
}

interface Entry<T> {
  readonly sequence: number;
  readonly value: T;
}

/** There may be many, and most are a leaf with one entry, or a word on the way: what is null costs nothing. */
interface TrieNode<T> {
  words: Map<string, TrieNode<T>> | null;
  any: TrieNode<T> | null;
  entries: Set<Entry<T>> | null;
  /** The entries as a match gives them; null when they have changed since the last match. */
  snapshot: Snapshot<T> | null;
}

/** Entries in the order of adding, and their values; neither list ever changes. */
interface Snapshot<T> {
  readonly entries: readonly Entry<T>[];
  readonly values: readonly T[];
  /** What came of the last merge with another one: messages of a kind match the same leaves, one after the other. */
  lastMerge: { readonly other: Snapshot<T>; readonly merged: Snapshot<T> } | null;
}

function emptyNode<T>(): TrieNode<T> {
  return { words: null, any: null, entries: null, snapshot: null };
}

function childFor<T>(node: TrieNode<T>, word: string | null): TrieNode<T> {
  if (word === null) return (node.any ??= emptyNode());
  const words = (node.words ??= new Map<string, TrieNode<T>>());
  let child = words.get(word);
  if (child === undefined) {
    child = emptyNode();
    words.set(word, child);
  }
  return child;
}

function collect<T>(node: TrieNode<T>, key: RoutingKey, depth: number, leaves: TrieNode<T>[]): void {
  const word = key[depth];
  if (word === undefined) {
    if (!isEmpty(node.entries)) leaves.push(node);
    return;
  }
  const child = node.words?.get(word);
  if (child !== undefined) collect(child, key, depth + 1, leaves);
  if (node.any !== null) collect(node.any, key, depth + 1, leaves);
}

function snapshotOf<T>(leaf: TrieNode<T>): Snapshot<T> {
  return (leaf.snapshot ??= aSnapshot([...(leaf.entries ?? [])]));
}

function aSnapshot<T>(entries: readonly Entry<T>[]): Snapshot<T> {
  return { entries, values: entries.map((entry) => entry.value), lastMerge: null };
}

function merge<T>(one: Snapshot<T>, other: Snapshot<T>): Snapshot<T> {
  if (one.lastMerge?.other === other) return one.lastMerge.merged;
  const merged = aSnapshot([...one.entries, ...other.entries].sort((a, b) => a.sequence - b.sequence));
  one.lastMerge = { other, merged };
  return merged;
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
    if (!isEmpty(node.entries) || !isEmpty(node.words) || node.any !== null) return;
    if (word === null) parent.any = null;
    else parent.words?.delete(word);
  }
}

function isEmpty(collection: { readonly size: number } | null): boolean {
  return collection === null || collection.size === 0;
}
