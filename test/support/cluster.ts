// Whole masters on one database in memory and one clock by hand: what a test of schedulers, or of masters without faults,
// runs on.

import type { NewChange } from '../../src/db/changes.js';
import type { Row, SqlValue } from '../../src/db/driver.js';
import { enqueueStatement } from '../../src/db/queues.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { BuildMaster } from '../../src/master/build-master.js';
import type { MasterOptions } from '../../src/master/config.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import type { OpenJobDirectory } from '../../src/runtime/job-directory.js';
import { NodeCommands } from '../../src/runtime/node/commands.js';
import type { BaseScheduler } from '../../src/schedulers/base.js';
import { GatedDriver, type Interference } from './gated-driver.js';
import { ManualClock, START_WALL_MS } from './manual-clock.js';
import { TestRuntime } from './test-runtime.js';

/** One master and what it runs on. Its messages reach nobody but itself. */
export interface Member {
  readonly master: BuildMaster;
  readonly runtime: TestRuntime;
  readonly driver: GatedDriver;
  readonly mq: SimpleMQ;
  /** Keys of the messages about masters that it published. */
  readonly heard: readonly string[];
  /** Why it ended its process. */
  readonly exits: string[];
}

export class TestCluster {
  readonly clock = new ManualClock();
  readonly memory: MemoryDriver;
  /** Of the masters that are started from now on. */
  openJobDirectory: OpenJobDirectory = () => {
    throw new Error('this test has no job directories');
  };

  private constructor(memory: MemoryDriver) {
    this.memory = memory;
  }

  static async create(): Promise<TestCluster> {
    return new TestCluster(await MemoryDriver.create());
  }

  /** Frees the database; masters that still run see it go. */
  close(): void {
    this.memory.close();
  }

  /** Starts a master; resolves when that is complete. `interference` as in GatedDriver, from the first batch on. */
  async start(
    schedulers: readonly BaseScheduler[],
    options: Partial<MasterOptions> = {},
    interference?: Interference,
  ): Promise<Member> {
    const runtime = new TestRuntime(this.clock);
    const driver = new GatedDriver(this.memory);
    if (interference !== undefined) driver.interfere(interference);
    const mq = new SimpleMQ(runtime);
    const exits: string[] = [];
    const heard: string[] = [];
    await mq.startConsuming((key) => void heard.push(key.join('/')), ['masters', null, null]);
    const openJobDirectory = this.openJobDirectory;
    const ports = {
      runtime,
      driver,
      mq,
      openJobDirectory,
      commands: new NodeCommands(),
      exit: (reason: string) => void exits.push(reason),
    };
    const master = new BuildMaster({ name: 'master-a', schedulers, ...options }, ports);
    await master.start();
    return { master, runtime, driver, mq, heard, exits };
  }

  /** Lets so many seconds pass. */
  async pass(seconds: number): Promise<void> {
    await this.clock.advance(seconds * 1000);
  }

  /** Adds a change through `member`, and lets what it sets off happen. */
  async change(member: Member, change: Partial<NewChange> = {}): Promise<number> {
    const whole = { author: 'dustin', branch: 'master', ...change };
    const changeid = await member.master.addChange(whole, `key-${await this.#countChanges()}`);
    await this.pass(0);
    return changeid;
  }

  /** Completes a buildset, and lets what it sets off happen; without a `member` no message says so. */
  async complete(bsid: number, results: number, member: Member | null): Promise<void> {
    const stamps = await this.rows(
      'SELECT sourcestampid AS id FROM buildset_sourcestamps WHERE buildsetid = ?',
      bsid,
    );
    const [row] = await this.rows(
      'SELECT s.name FROM buildsets b JOIN schedulers s ON s.id = b.schedulerid WHERE b.id = ?',
      bsid,
    );
    const key = ['buildsets', String(bsid), 'complete'];
    const sourcestampids = stamps.map(({ id }) => Number(id));
    const body = { bsid, scheduler: String(row?.['name']), complete: true, results, sourcestampids };
    const set = 'UPDATE buildsets SET complete = 1, results = ? WHERE id = ?';
    const session = await this.memory.open();
    await session.run([
      { sql: 'BEGIN', values: [] },
      { sql: set, values: [results, bsid] },
    ]);
    await session.run([enqueueStatement(key, JSON.stringify(body)), { sql: 'COMMIT', values: [] }]);
    session.close();
    member?.mq.produce(key, body);
    await this.pass(0);
  }

  async rows(sql: string, ...values: SqlValue[]): Promise<readonly Row[]> {
    const session = await this.memory.open();
    const [result] = await session.run([{ sql, values }]);
    session.close();
    return result?.rows ?? [];
  }

  /** All buildsets in the order of their ids: `B[1,2]@9`, the changes and the second of the run. */
  async buildsets(): Promise<readonly string[]> {
    const buildsets = await this.rows('SELECT id, submitted_at FROM buildsets ORDER BY id');
    const links = await this.rows('SELECT buildsetid, changeid FROM buildset_changes ORDER BY changeid');
    return buildsets.map(({ id, submitted_at: at }) => {
      const changeids = links.filter(({ buildsetid }) => buildsetid === id).map(({ changeid }) => changeid);
      return `B[${changeids.join()}]@${Number(at) - START_WALL_MS / 1000}`;
    });
  }

  async #countChanges(): Promise<number> {
    return (await this.rows('SELECT changeid FROM changes')).length;
  }
}
