// Short names for texts: what the trace shows of a statement or a message, so that its hash covers the whole of it.
// Not for security: 32 bits in the manner of FNV-1a, two characters a step, the same on every machine.

/** At most 10 digits that depend on every character of `text`; decimal, since engines are fast at that and no other. */
export function fingerprint(text: string): string {
  return String(hashText(text) >>> 0);
}

/** 32 bits that depend on every character of `text`. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5 ^ text.length;
  const even = text.length & ~1;
  for (let i = 0; i < even; i += 2) {
    hash = Math.imul(hash ^ text.charCodeAt(i) ^ (text.charCodeAt(i + 1) << 16), 0x01000193);
    hash ^= hash >>> 15;
  }
  if (even < text.length) hash = Math.imul(hash ^ text.charCodeAt(even), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** 32 bits that depend on `hash` and on every bit of `value`, a finite number. */
export function mixNumber(hash: number, value: number): number {
  const low = value | 0;
  const mixed = Math.imul(hash ^ low, 0x01000193);
  // Beyond 32 bits, and for fractions, the digits say what the low bits do not.
  return low === value ? mixed ^ (mixed >>> 15) : Math.imul(mixed ^ hashText(String(value)), 0x2c1b3c6d);
}
