// Digests of text.

import { hash } from 'node:crypto';
import { checkText } from './texts.js';

/** Lower-case hexadecimal SHA-1 of the UTF-8 bytes of `text`: 40 characters. @throws NotTextError */
export function sha1(text: string): string {
  checkText('a name', text);
  return hash('sha1', text, 'hex');
}
