// The simulated database against the real one: every script on both. What PostgreSQL refuses the simulation never commits;
// what PostgreSQL commits the simulation commits too, or the script says why not.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver, Session } from '../../src/db/driver.js';
import { SqlEngine } from '../../sim/world/sql-engine.js';
import { describeOnPostgres } from '../support/postgres.js';
import { DatabaseWorld } from '../world/database-world.js';
import {
  connectionsOf,
  MODEL_SCHEMA,
  MODEL_TABLES,
  Recorder,
  type Connection,
  type Outcomes,
  type Observation,
  type Script,
  type Sight,
} from './script.js';
import { SCRIPTS } from './scripts.js';
import { answeredOrWaiting, serverProcess } from './server-waits.js';

const STEP_MS = 100;
const END_S = 30;

describe('interleavings on the simulated database', () => {
  let engine: SqlEngine;
  beforeAll(async () => {
    engine = await SqlEngine.open(MODEL_SCHEMA, MODEL_TABLES);
  });
  afterAll(() => engine.close());

  test.each(SCRIPTS)('$name', async (script) => {
    const record = await simulate(engine, script);
    expect(
      script.differs?.outcomes === undefined ? script.outcomes : [script.differs.outcomes],
    ).toContainEqual(record.outcomes);
    for (const [number, sight] of record.sights) {
      const { sees, seesSimulated } = script.steps[number] ?? {};
      expect(sight, `step ${number}`).toEqual(seesSimulated ?? sees);
    }
    if (script.leaves !== undefined)
      expect(record.left).toEqual(script.leaves.seesSimulated ?? script.leaves.sees);
  });
});

describeOnPostgres('interleavings on PostgreSQL', MODEL_SCHEMA, (fresh) => {
  test.each(SCRIPTS)('$name', async (script) => {
    const record = await runOnServer(await fresh(), script);
    expect(script.outcomes).toContainEqual(record.outcomes);
    for (const [number, sight] of record.sights)
      expect(sight, `step ${number}`).toEqual(script.steps[number]?.sees);
    if (script.leaves !== undefined) expect(record.left).toEqual(script.leaves.sees);
  });
});

describe('the scripts', () => {
  test('differ in the simulation only with a reason, and there no more commit than on PostgreSQL', () => {
    for (const { name, steps, leaves, outcomes, differs } of SCRIPTS) {
      const sights: (Sight | undefined)[] = [
        ...steps.map((step) => step.seesSimulated),
        leaves?.seesSimulated,
      ];
      const hasOthers = differs?.outcomes !== undefined || sights.some((sight) => sight !== undefined);
      expect(hasOthers, name).toBe(differs !== undefined);
      if (differs?.outcomes === undefined) continue;
      for (const outcome of outcomes)
        expect(committed(differs.outcomes), name).toBeLessThanOrEqual(committed(outcome));
    }
  });

  test('have names of their own', () => {
    expect(new Set(SCRIPTS.map(({ name }) => name)).size).toBe(SCRIPTS.length);
  });
});

function committed(outcomes: Outcomes): number {
  return Object.values(outcomes).filter((outcome) => outcome === 'commits').length;
}

/** One step each tenth of a second of virtual time: whatever does not wait has been answered by then. */
async function simulate(engine: SqlEngine, script: Script): Promise<Observation> {
  const world = new DatabaseWorld(engine);
  const recorder = new Recorder();
  for (const name of connectionsOf(script)) {
    world.client(name, async ({ driver, until }) => {
      const session = await driver.open();
      const answers: Promise<void>[] = [];
      for (const [number, step] of script.steps.entries()) {
        if (step.on !== name) continue;
        await until((number + 1) * STEP_MS);
        answers.push(recorder.send(session, step, number));
      }
      await Promise.all(answers);
    });
  }
  expect(await world.run(END_S)).toEqual([]);
  return recorder.record(script.leaves && world.server.query(script.leaves.sql));
}

/** Each step as soon as the one before it has been answered or waits for a lock. */
async function runOnServer(driver: Driver, script: Script): Promise<Observation> {
  const recorder = new Recorder();
  const observer = await driver.open();
  const sessions = new Map<Connection, { readonly session: Session; readonly pid: number }>();
  try {
    for (const name of connectionsOf(script)) {
      const session = await driver.open();
      sessions.set(name, { session, pid: await serverProcess(session) });
    }
    const answers: Promise<void>[] = [];
    for (const [number, step] of script.steps.entries()) {
      const connection = sessions.get(step.on);
      if (connection === undefined) throw new Error('a step has a connection');
      const answer = recorder.send(connection.session, step, number);
      answers.push(answer);
      await answeredOrWaiting(answer, observer, connection.pid);
    }
    await Promise.all(answers);
    const [left] = script.leaves ? await observer.run([{ sql: script.leaves.sql, values: [] }]) : [];
    return recorder.record(left);
  } finally {
    for (const { session } of sessions.values()) session.close();
    observer.close();
  }
}
