// Reading places out of a stack's text. The text is used, not V8's call sites, since it is what test runners and
// --enable-source-maps translate to the sources that people wrote.

import { fileURLToPath } from 'node:url';
import type { StackPlace } from './guard-policy.js';

const FRAME = /^\s*at (?:.*? \()?(?:async )?(.+):(\d+):(\d+)\)?$/;

/** The frames of `stack` that name a file, innermost first; `node:` modules among them. */
export function stackPlaces(stack: string): StackPlace[] {
  const places: StackPlace[] = [];
  for (const text of stack.split('\n')) {
    const match = FRAME.exec(text);
    const [file, line, column] = match === null ? [] : match.slice(1);
    if (file === undefined) continue;
    places.push({ file: filePath(file), line: Number(line), column: Number(column) });
  }
  return places;
}

function filePath(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file;
}
