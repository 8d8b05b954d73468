// Subscriptions, kept as a trie by word, so that matching a key costs as much as there are matching subscriptions,
// however many others there are. A node has a child for each word and one for "any word"; nodes that hold nothing are
// pruned. Matches come in the order in which they were added.
//
// The words are taken in this order: how many there are, the first, the last, and then the others. Kinds and events, which
// stand there, are few, and ids are many: so an id is looked up only among those who ask for its kind and its event, and
// not once more for each wildcard before it.

import type { Filter, RoutingKey } from '../core/routing-key.js';
import { assert, present } from '../core/assert.js';

const NONE: readonly never[] = [];

/** A multimap from filters to values, asked by routing key. */
export class Subscriptions<T> {
  /** By the number of words. */
  readonly #roots: TrieNode<T>[] = [];
  #nextSequence = 0;
  #size = 0;

  /** How many values there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds `value` under `filter`, also when it is there already. Returns what removes it; calling that twice is harmless. */
  add(filter: Filter, value: T): () => void {
    const entry: Entry<T> = { sequence: this.#nextSequence++, value };
    const words = inOrder(filter);
    while (this.#roots.length <= words.length) this.#roots.push(emptyNode());
    let node = present(this.#roots[words.length], 'a root');
    for (const word of words) node = childFor(node, word);
    (node.entries ??= new Set()).add(entry);
    node.snapshot = null;
    this.#size++;
    return () => this.#remove(words, entry);
  }

  /** The values whose filter matches `key`, oldest first: a snapshot, which later additions and removals do not change. */
  match(key: RoutingKey): readonly T[] {
    const root = this.#roots[key.length];
    return root === undefined ? NONE : (find(root, key, 0)?.values ?? NONE);
  }

  #remove(words: Filter, entry: Entry<T>): void {
    const path: TrieNode<T>[] = [present(this.#roots[words.length], 'a root')];
    for (const word of words) {
      const node = path.at(-1);
      const child = word === null ? node?.any : node?.words?.get(word);
      if (child === undefined || child === null) return;
      path.push(child);
    }
    const leaf = path.at(-1);
    if (leaf?.entries?.delete(entry) !== true) return;
    if (leaf.entries.size === 0) leaf.entries = null;
    leaf.snapshot = null;
    this.#size--;
    prune(path, words);
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
  /** What came of the last merge with another one: messages of a kind match the same leaves, whatever their ids. */
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

/** The words of a filter in the order in which they are taken; see `find`. */
function inOrder(filter: Filter): Filter {
  return filter.length < 3
    ? [...filter]
    : [...filter.slice(0, 1), ...filter.slice(-1), ...filter.slice(1, -1)];
}

/** What matches the words of `key` from the one at `depth` on, below `node`; null for nothing. Only what is new is made. */
function find<T>(node: TrieNode<T>, key: RoutingKey, depth: number): Snapshot<T> | null {
  // The first, the last, and then the others: as `inOrder` has it, without making a list.
  const word = depth === 0 ? key[0] : depth === 1 ? key[key.length - 1] : key[depth - 1];
  if (depth === key.length || word === undefined)
    return node.entries === null ? null : (node.snapshot ??= aSnapshot([...node.entries]));
  const child = node.words?.get(word);
  const exact = child === undefined ? null : find(child, key, depth + 1);
  if (node.any === null) return exact;
  const any = find(node.any, key, depth + 1);
  if (exact === null || any === null) return exact ?? any;
  return exact.lastMerge?.other === any ? exact.lastMerge.merged : merge(exact, any);
}

function aSnapshot<T>(entries: readonly Entry<T>[]): Snapshot<T> {
  return { entries, values: entries.map((entry) => entry.value), lastMerge: null };
}

function merge<T>(one: Snapshot<T>, other: Snapshot<T>): Snapshot<T> {
  const merged = aSnapshot([...one.entries, ...other.entries].sort((a, b) => a.sequence - b.sequence));
  one.lastMerge = { other, merged };
  return merged;
}

function prune<T>(path: readonly TrieNode<T>[], words: Filter): void {
  for (let depth = words.length; depth > 0; depth--) {
    const node = path[depth];
    const parent = path[depth - 1];
    const word = words[depth - 1];
    assert(
      node !== undefined && parent !== undefined && word !== undefined,
      'a path is as long as its words',
    );
    if (node.entries !== null || (node.words?.size ?? 0) > 0 || node.any !== null) return;
    if (word === null) parent.any = null;
    else parent.words?.delete(word);
  }
}
