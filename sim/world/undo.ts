// Undoing a condition: every fault returns what takes it away, and whoever holds it may call it again without harm.

/** `undo`, which runs at its first call only. */
export function undoOnce(undo: () => void): () => void {
  let isUndone = false;
  return () => {
    if (isUndone) return;
    isUndone = true;
    undo();
  };
}
