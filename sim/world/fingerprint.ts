// Short names for texts: what the trace shows of a statement or a message, so that its hash covers the whole of it.
// Not for security: 32 bits in the manner of FNV-1a, two characters a step, the same on every machine.

/** At most 10 digits that depend on every character of `text`; decimal, since engines are fast at that and no other. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5 ^ text.length;
  const even = text.length & ~1;
  for (let i = 0; i < even; i += 2) {
    hash = Math.imul(hash ^ text.charCodeAt(i) ^ (text.charCodeAt(i + 1) << 16), 0x01000193);
    hash ^= hash >>> 15;
  }
  if (even < text.length) hash = Math.imul(hash ^ text.charCodeAt(even), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return String((hash ^ (hash >>> 13)) >>> 0);
}
