// The base of change sources: clustered like schedulers, so each is active on one of the masters that name it. While it is
// active it looks for changes again and again, one look at a time; what it remembers is state behind the fence.
//
// A look adds what it found, each change under a key of its own, and then writes how far it came. Whoever dies between the
// two looks for the same again, and finds that it has been added: no change is missed, and none is doubled.
// @source buildbot master/buildbot/changes/base.py

import { ConfigError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import type { FencedState, StateOwner } from '../data/fenced-state.js';
import type { DataUpdates } from '../data/updates.js';
import type { NewChange } from '../db/changes.js';
import { LoneTask } from '../periodic/lone-task.js';
import type { Commands } from '../runtime/commands.js';
import { ClusteredService } from '../services/clustered-service.js';

/** What a master gives to each of its change sources. */
export interface ChangeSourceContext {
  readonly state: FencedState;
  readonly updates: DataUpdates;
  /** Null where no commands can be run. */
  readonly commands: Commands | null;
}

export interface ChangeSourceOptions {
  /** Seconds from look to look. Default 60. */
  readonly pollS?: number;
}

export abstract class ChangeSource extends ClusteredService {
  override readonly kind = 'changesource';
  readonly pollS: number;
  #context: ChangeSourceContext | null = null;
  #objectid = 0;
  #looking: LoneTask | null = null;

  /** @throws ConfigError */
  constructor(name: string, { pollS = 60 }: ChangeSourceOptions = {}) {
    super(name);
    if (!Number.isFinite(pollS) || pollS <= 0)
      throw new ConfigError(
        `change source '${name}' needs a number of seconds above 0 for 'pollS', got ${String(pollS)}`,
      );
    this.pollS = pollS;
  }

  /** Gives it what it works with; before its first claim. A subclass that overrides it calls `super.attach`. */
  attach(context: ChangeSourceContext, objectid: number): void {
    this.#context = context;
    this.#objectid = objectid;
  }

  /** Looks for changes and adds them. Its errors are logged, and it is called again after the usual time. */
  protected abstract look(): Promise<void>;

  /** Adds a change under its key; one that was added under that key before is found. @throws ClaimLostError, DatabaseError */
  protected async addChange(change: NewChange, key: string): Promise<number> {
    this.requireClaim('adding a change');
    return this.context.updates.addChange(change, key);
  }

  /** A value that was written with `setState`, by whichever master, or null. @throws ClaimLostError, DatabaseError */
  protected getState(key: string): Promise<JsonValue> {
    return this.context.state.read(this.#owner(`reading '${key}'`), key);
  }

  /** @throws ClaimLostError, DatabaseError, NotJsonError */
  protected setState(key: string, value: JsonValue): Promise<void> {
    return this.context.state.write(this.#owner(`writing '${key}'`), key, value);
  }

  protected get context(): ChangeSourceContext {
    if (this.#context === null) throw new ConfigError(`change source '${this.name}' belongs to no master`);
    return this.#context;
  }

  protected override async startActivity(): Promise<void> {
    const options = { name: `change source '${this.name}'`, spacingMs: this.pollS * 1000, jitter: true };
    this.#looking = new LoneTask(this.runtime, options, () => this.look());
    this.#looking.start();
  }

  protected override async stopActivity(): Promise<void> {
    await this.#looking?.stop();
    this.#looking = null;
  }

  #owner(what: string): StateOwner {
    return { name: this.name, objectid: this.#objectid, claim: this.requireClaim(what), signal: this.signal };
  }
}
