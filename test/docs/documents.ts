// The Markdown files of the project and what can be checked in them: links, code, commands.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../layers/source-files.js';

export interface Document {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of code. */
export interface Block {
  readonly language: string;
  readonly code: string;
  /** What a comment `<!-- file: … -->` before it names, or null. */
  readonly file: string | null;
}

/** All of them, those of the root first. */
export function documents(): readonly Document[] {
  const inRoot = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  );
  const paths = [...inRoot, ...inDocs.map((name) => join('docs', name))].toSorted((a, b) => (a < b ? -1 : 1));
  return paths.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

/** The targets of all links and images, without those that lead out of the repository. */
export function relativeLinks({ text }: Document): readonly string[] {
  const prose = text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that GitHub makes of the headings. */
export function anchors({ text }: Document): readonly string[] {
  const prose = text.replace(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** All fenced blocks. */
export function blocks({ text }: Document): readonly Block[] {
  const pattern = /(?:<!-- file: (\S+) -->\n\n)?^```(\w*)\n(.*?)^```$/gms;
  return [...text.matchAll(pattern)].map(([, file, language = '', code = '']) => ({
    file: file ?? null,
    language,
    code,
  }));
}

/** Everything that stands in code: shell blocks line by line, and inline code. */
export function commands(document: Document): readonly string[] {
  const shell = blocks(document).filter(({ language }) => language === 'sh' || language === '');
  const prose = document.text.replace(/^```.*?^```$/gms, '');
  const inline = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...shell.flatMap(({ code }) => code.split('\n')), ...inline].map((command) =>
    command.replace(/ +#.*$/, '').trim(),
  );
}
