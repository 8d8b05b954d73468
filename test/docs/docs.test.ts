// What the documents say is there, is there: linked files and headings, npm scripts, commands and their options, and the
// scenario that the README shows.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../layers/source-files.js';
import { anchors, blocks, commands, documents, relativeLinks, type Document } from './documents.js';

const DOCUMENTS = documents();

test('the documents are read', () => {
  const paths = DOCUMENTS.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining(['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'README.md']),
  );
  expect(DOCUMENTS.flatMap(relativeLinks).length).toBeGreaterThan(5);
  expect(
    DOCUMENTS.flatMap(commands).filter((command) => /\bstandin [a-z]/.test(command)).length,
  ).toBeGreaterThan(5);
});

describe.each(DOCUMENTS)('$path', (document) => {
  test('links to files and headings that exist', () => {
    expect(relativeLinks(document).filter((link) => !leadsSomewhere(document, link))).toEqual([]);
  });

  test('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = commands(document).flatMap((command) => [
      ...command.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test))/g),
    ]);
    expect(
      named.map(([, run, direct]) => run ?? direct ?? '').filter((name) => scripts[name] === undefined),
    ).toEqual([]);
  });

  test('names standin commands and options that exist', () => {
    expect(standinCalls(document).flatMap(unknownParts)).toEqual([]);
  });

  test('shows files as they are', () => {
    for (const { file, code } of blocks(document)) {
      if (file !== null) expect(code).toBe(readFileSync(join(ROOT, file), 'utf8'));
    }
  });
});

test('a wrong link, a wrong command and a wrong option would be noticed', () => {
  const wrong: Document = {
    path: 'README.md',
    text: '# A b\n\n[x](nowhere.md) [y](#a-b) [z](#c) `npx standin fly` `standin run --fast`',
  };
  expect(relativeLinks(wrong).filter((link) => !leadsSomewhere(wrong, link))).toEqual(['nowhere.md', '#c']);
  expect(standinCalls(wrong).flatMap(unknownParts)).toEqual(['standin fly', 'standin run --fast']);
});

function leadsSomewhere(document: Document, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? document.path : join(dirname(document.path), path);
  if (!existsSync(join(ROOT, target))) return false;
  if (anchor === undefined) return true;
  const text = target === document.path ? document.text : readFileSync(join(ROOT, target), 'utf8');
  return anchors({ path: target, text }).includes(anchor);
}

interface StandinCall {
  readonly command: string;
  /** The word after it: a command of a group, like `start` of `master`, or an argument. */
  readonly next: string;
  readonly options: readonly string[];
}

/** `standin run x --seeds 1-5` as its words and its options. */
function standinCalls(document: Document): readonly StandinCall[] {
  return commands(document).flatMap((line) =>
    [...line.matchAll(/(?:^|\bnpx (?:--no-install )?)standin ([a-z]+)([^&|;]*)/g)].map(
      ([, command = '', rest = '']) => ({
        command,
        next: /^ +([a-z][a-z-]*)/.exec(rest)?.[1] ?? '',
        options: rest.match(/--[a-z-]+/g) ?? [],
      }),
    ),
  );
}

const helpOf = new Map<string, string>();

function unknownParts({ command, next, options }: StandinCall): readonly string[] {
  if (!names(help(''), command)) return [`standin ${command}`];
  const isGroup = next !== '' && /^Commands:/m.test(help(command));
  if (isGroup && !names(help(command), next)) return [`standin ${command} ${next}`];
  const text = isGroup ? help(`${command} ${next}`) : help(command);
  return options
    .filter((option) => !text.includes(`${option} `) && !text.includes(`${option}\n`))
    .map((option) => `standin ${command} ${option}`);
}

function names(text: string, command: string): boolean {
  return new RegExp(`^ {2}${command}\\b`, 'm').test(text);
}

/** What the command line itself says that it can do. */
function help(command: string): string {
  const known = helpOf.get(command);
  if (known !== undefined) return known;
  const args = [join(ROOT, 'bin', 'standin.js'), ...command.split(' ').filter(Boolean), '--help'];
  const text = execFileSync(process.execPath, args, { encoding: 'utf8' });
  helpOf.set(command, text);
  return text;
}
