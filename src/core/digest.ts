// Digests of text.

import { hash } from 'node:crypto';

/** Lower-case hexadecimal SHA-1 of the UTF-8 bytes of `text`: 40 characters. */
export function sha1(text: string): string {
  return hash('sha1', text, 'hex');
}
