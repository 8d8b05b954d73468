// Job files, as `buildbot try` writes them: netstrings (`5:hello,`), the first of which is a version from 1 to 6.
//
//   1   jobid, branch, base revision, patch level, patch, builder names …
//   2   … with repository and project after the patch;  3 … and who;  4 … and a comment
//   5   one JSON object;  6 … whose patch is in base64
// @source buildbot master/buildbot/schedulers/trysched.py

import { StandinError } from '../core/errors.js';
import { decodeJson, type JsonObject, type JsonValue } from '../core/json.js';

export interface Job {
  readonly jobid: string;
  /** Null = the default branch. */
  readonly branch: string | null;
  /** Null = the newest revision. */
  readonly revision: string | null;
  readonly patchLevel: number;
  readonly patch: string;
  readonly repository: string;
  readonly project: string;
  readonly who: string;
  readonly comment: string;
  readonly builderNames: readonly string[];
  readonly properties: JsonObject;
}

/** A file that is no job; its message says why, in one sentence. */
export class BadJobFileError extends StandinError {
  constructor(problem: string) {
    super('bad-job-file', problem);
  }
}

/** No file is longer, in bytes, unless the scheduler allows it. */
export const LONGEST_JOB = 99_999;

/** @throws BadJobFileError for what is no job file, or longer than `longest` bytes. */
export function parseJob(file: Uint8Array, longest = LONGEST_JOB): Job {
  if (file.length > longest) bad(`it has ${file.length} bytes, expected at most ${longest}`);
  const [version, ...fields] = netstrings(file);
  if (version === undefined) return bad('it is empty');
  const named = NAMED_FIELDS[version];
  if (named !== undefined) return jobOfFields(named, fields);
  if (version === '5' || version === '6') return jobOfObject(fields, version === '6');
  return bad(`its version is '${version.slice(0, 20)}', expected 1 to 6`);
}

const FIRST: readonly string[] = ['jobid', 'branch', 'baserev', 'patch_level', 'patch_body'];

const NAMED_FIELDS: Readonly<Record<string, readonly string[]>> = {
  '1': FIRST,
  '2': [...FIRST, 'repository', 'project'],
  '3': [...FIRST, 'repository', 'project', 'who'],
  '4': [...FIRST, 'repository', 'project', 'who', 'comment'],
};

function jobOfFields(names: readonly string[], fields: readonly string[]): Job {
  if (fields.length < names.length) bad(`it has ${fields.length} fields, expected at least ${names.length}`);
  const values = Object.fromEntries(names.map((name, i) => [name, fields[i] ?? '']));
  return jobOf({ ...values, builderNames: fields.slice(names.length) });
}

function jobOfObject(fields: readonly string[], isBase64: boolean): Job {
  const [text] = fields;
  if (text === undefined || fields.length > 1)
    return bad(`it has ${fields.length} fields, expected one object`);
  const value = parsed(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return bad('its content is no object');
  const object = value as JsonObject;
  if (!isBase64) return jobOf(object);
  const base64 = object['patch_body_base64'] ?? '';
  if (typeof base64 !== 'string') return bad('its patch_body_base64 is no text');
  return jobOf({ ...object, patch_body: textOf(Buffer.from(base64, 'base64')) });
}

function jobOf(fields: JsonObject): Job {
  const text = (name: string): string => {
    const value = fields[name] ?? '';
    return typeof value === 'string' ? value : bad(`its ${name} is a ${typeof value}, expected a text`);
  };
  const { patch_level: level = 0, builderNames = [], properties = {} } = fields;
  const patchLevel = Number(level);
  if (!Number.isInteger(patchLevel) || patchLevel < 0) bad('its patch_level is no number');
  if (!isListOfTexts(builderNames)) return bad('its builderNames are no list of texts');
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties))
    return bad('its properties are no object');
  return {
    jobid: text('jobid'),
    branch: text('branch') || null,
    revision: text('baserev') || null,
    ...{ patchLevel, patch: text('patch_body') },
    ...{
      repository: text('repository'),
      project: text('project'),
      who: text('who'),
      comment: text('comment'),
    },
    ...{ builderNames, properties: properties as JsonObject },
  };
}

function netstrings(file: Uint8Array): readonly string[] {
  const texts: string[] = [];
  let at = 0;
  while (at < file.length) {
    const [head, digits] = /^(\d{1,6}):/.exec(String.fromCharCode(...file.subarray(at, at + 7))) ?? [];
    if (head === undefined) bad(`it has no netstring at byte ${at}`);
    const from = at + (head ?? '').length;
    const to = from + Number(digits);
    if (file[to] !== ','.charCodeAt(0)) bad(`its netstring at byte ${at} has no end`);
    texts.push(textOf(file.subarray(from, to)));
    at = to + 1;
  }
  return texts;
}

function textOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : bad('it holds what is no UTF-8 text');
}

function parsed(text: string): JsonValue {
  try {
    return decodeJson(text, 'a job');
  } catch {
    return bad('its content is no JSON');
  }
}

function isListOfTexts(value: JsonValue): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function bad(problem: string): never {
  throw new BadJobFileError(problem);
}
