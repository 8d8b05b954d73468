// A service that is configured on several masters and active on one.
//
// Who may be active is decided elsewhere: the claim keeper of the master (src/master/claim-keeper.ts) hands a claim over
// with `take` and calls `leave` when it is lost. The life of a service is
//
//   idle --take--> held --leave--> leaving --> idle
//
// While it is held, and while it is enabled, the service's activity runs: `activate` begins it, `deactivate` ends it and
// resolves when nothing of it runs any more. `active` is evaluated, not remembered: it is false from the instant at which
// the lease cannot be trusted any more, even before any timer has noticed.
//
// Losing a claim never deadlocks: whoever finds out within the activity only *schedules* `leave`; the activity's signal
// aborts first, so that whatever it waits for rejects.
// @source buildbot master/buildbot/util/service.py ClusteredBuildbotService

import { assert } from '../core/assert.js';
import { StandinError, describeError } from '../core/errors.js';
import { Mutex } from '../core/mutex.js';
import { ClaimLostError, type Claim, type ServiceKind } from '../db/claims.js';
import { tellMistake } from '../runtime/mistake.js';
import type { Runtime } from '../runtime/runtime.js';

/** What a clustered service needs of its master. */
export interface Tenure {
  /** Whether claims of this incarnation may be believed in at this instant. */
  isTrusted(incarnation: number): boolean;
  /** The claim of a service that has quiesced goes back; somebody else's stays. */
  release(service: ClusteredService, claim: Claim): Promise<void>;
  /** The service's claim seems to be lost: look at once. */
  lookAgain(): void;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'held'; readonly claim: Claim }
  | { readonly kind: 'leaving'; readonly claim: Claim; readonly done: Promise<void> };

/** Work of an activity went on after its end: a mistake of the service. Nothing was done. */
export class ActivityOverError extends StandinError {
  constructor(what: string, name: string) {
    const text =
      `${what} of '${name}' came after the end of its activity and was refused: what startActivity() begins must end in ` +
      `stopActivity(): cancel its timers, await its work, and pass this.signal to what it waits for`;
    super('activity-over', text, { isMistake: true });
  }
}

/** A failed activation is tried again after 1 s, 2 s, … up to a minute. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** An activity that has not ended by then is complained about: longer than a statement time-out and a retry take. */
const PATIENCE_MS = 20_000;

export abstract class ClusteredService {
  /**
   * The attributes that say how an instance is configured; a subclass declares its own ones besides:
   * `static override readonly compareAttrs = ['hour'];`. See src/services/equivalence.ts.
   */
  static readonly compareAttrs: readonly string[] = ['name'];
  readonly name: string;
  /** Where its claims are kept. */
  readonly kind: ServiceKind = 'scheduler';
  #state: State = { kind: 'idle' };
  #isEnabled = true;
  /** Aborts when the running activity has to end; null while none runs. */
  #activity: AbortController | null = null;
  /** Which of `activate` and `deactivate` has run in this class while the present activity began or ended. */
  #upCalled: 'activate' | 'deactivate' | null = null;
  #wasActivated = false;
  #failures = 0;
  #isBeginningAnew = false;
  #notBeforeMs = 0;
  readonly #transitions = new Mutex();
  #tenure: Tenure | null = null;
  #runtime: Runtime | null = null;
  #serviceid: number | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** True while this instance may act for the service, at this very instant. */
  get active(): boolean {
    return this.#state.kind === 'held' && this.#tenure?.isTrusted(this.#state.claim.incarnation) === true;
  }

  /** Whether the service may do anything when it is active. */
  get enabled(): boolean {
    return this.#isEnabled;
  }

  /** The id of the service in the database, null before its master has started. */
  get serviceid(): number | null {
    return this.#serviceid;
  }

  /** The claim that is held, or null. */
  get claim(): Claim | null {
    return this.#state.kind === 'idle' ? null : this.#state.claim;
  }

  /** True when a free service may be claimed for this instance now. */
  get isWilling(): boolean {
    const now = this.#runtime?.clock.monotonicMs() ?? 0;
    return this.#state.kind === 'idle' && now >= this.#notBeforeMs;
  }

  /** Binds the service to its master; before its first claim. */
  bind(tenure: Tenure, runtime: Runtime, serviceid: number): void {
    this.#tenure = tenure;
    this.#runtime = runtime;
    this.#serviceid = serviceid;
  }

  /** Begins to act under a claim; resolves when the activation has succeeded, or failed: the claim then goes back. */
  async take(claim: Claim): Promise<void> {
    assert(this.#state.kind === 'idle', `'${this.name}' was handed a claim while it is ${this.#state.kind}`);
    this.#state = { kind: 'held', claim };
    await this.#transitions.run(() => this.#adapt());
  }

  /** Ends acting; resolves when nothing of the activity runs any more and the claim, if wanted, has been given back. */
  leave(reason: string, options: { readonly isReleasing: boolean }): Promise<void> {
    if (this.#state.kind === 'idle') return Promise.resolve();
    if (this.#state.kind === 'leaving') return this.#state.done;
    const { claim } = this.#state;
    this.#abortActivity();
    const done = this.#impatiently(() => this.#end(claim, reason, options.isReleasing));
    this.#state = { kind: 'leaving', claim, done };
    return done;
  }

  /** Says whether the service may act; an activity that runs is ended, or begun, in the background. */
  setEnabled(isEnabled: boolean): void {
    if (this.#isEnabled === isEnabled) return;
    this.#isEnabled = isEnabled;
    if (!isEnabled) this.#abortActivity();
    void this.#impatiently(() => this.#adapt());
  }

  /**
   * Begins what an active instance does. A subclass that overrides it calls `super.activate()`.
   * If it throws, the claim is given back and tried for again later.
   */
  async activate(): Promise<void> {
    this.#upCalled = 'activate';
    await this.startActivity();
  }

  /** Ends it; resolves when nothing of it runs any more. A subclass that overrides it calls `super.deactivate()`. */
  async deactivate(): Promise<void> {
    this.#upCalled = 'deactivate';
    await this.stopActivity();
  }

  /** The hook that most subclasses override instead: called by `activate`. */
  protected async startActivity(): Promise<void> {
    // nothing by default
  }

  /** The counterpart: called by `deactivate`. */
  protected async stopActivity(): Promise<void> {
    // nothing by default
  }

  /**
   * Ends what a base class runs for the activity, whatever a subclass forgets: called before `deactivate` and after it.
   * Resolves when nothing of it runs any more. A base class that overrides it calls `super.settle()`.
   */
  protected async settle(): Promise<void> {
    // nothing by default
  }

  /** The ports of the master. @throws ClaimLostError when the service has not been started. */
  protected get runtime(): Runtime {
    if (this.#runtime === null) throw new ClaimLostError(`'${this.name}' has not been started: it`);
    return this.#runtime;
  }

  /** Aborts when the activity has to end; pass it to whatever waits. */
  protected get signal(): AbortSignal {
    return this.#activity?.signal ?? AbortSignal.abort(new ClaimLostError(`an effect of '${this.name}'`));
  }

  /**
   * The claim to act under.
   * @throws ClaimLostError, and lets the claim be looked at again, unless active
   * @throws ActivityOverError after the activity has ended
   */
  protected requireClaim(what: string): Claim {
    if (this.#activity === null && this.#wasActivated) this.#refuseLate(what);
    if (this.#state.kind === 'held' && this.active) return this.#state.claim;
    this.claimSeemsLost();
    throw new ClaimLostError(`${what} of '${this.name}'`);
  }

  /** To be called by whoever is refused within the activity: returns at once, the rest happens outside of it. */
  protected claimSeemsLost(): void {
    if (this.#state.kind !== 'held') return;
    void this.leave('its claim was refused', { isReleasing: false });
    this.#tenure?.lookAgain();
  }

  /**
   * To be called by whoever finds that what the activity remembers may be wrong: returns at once. The activity ends, and a
   * new one begins under the same claim; as long as that is held, it is tried again.
   */
  protected beginAnew(): void {
    if (this.#state.kind !== 'held') return;
    this.#isBeginningAnew = true;
    this.#abortActivity();
    void this.#transitions.run(() => this.#adapt());
  }

  get #shouldRun(): boolean {
    return this.#state.kind === 'held' && this.#isEnabled;
  }

  /**
   * Brings the activity in line with what is held and enabled. One whose signal has aborted (disabled, and enabled again
   * before it could end) is of no use any more: it ends, and a new one begins.
   */
  async #adapt(): Promise<void> {
    if (this.#activity !== null && (!this.#shouldRun || this.#activity.signal.aborted)) {
      await this.#deactivateNow();
    }
    if (!this.#shouldRun || this.#activity !== null) return;
    try {
      this.#activity = new AbortController();
      this.#wasActivated = true;
      this.#upCalled = null;
      await this.activate();
      this.#checkUpCall('activate', 'startActivity');
      this.#failures = 0;
      this.#isBeginningAnew = false;
      this.runtime.probe.emit('activated', { service: this.name });
    } catch (error) {
      if (this.#activity?.signal.aborted !== true) this.#mistaken('the activation', error);
      if (this.#isBeginningAnew) await this.#beginAnewLater(error);
      else this.#activationFailed(error);
    }
  }

  #abortActivity(): void {
    this.#activity?.abort(new ClaimLostError(`an effect of '${this.name}'`));
  }

  async #beginAnewLater(error: unknown): Promise<void> {
    const { clock, logger } = this.runtime;
    logger.log('warning', `'${this.name}' could not begin anew: ${describeError(error)}`);
    this.#abortActivity();
    await this.#deactivateNow();
    clock.setTimer(() => void this.#transitions.run(() => this.#adapt()), FIRST_RETRY_MS);
  }

  #activationFailed(error: unknown): void {
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10), LONGEST_RETRY_MS);
    this.#failures += 1;
    this.#notBeforeMs = this.runtime.clock.monotonicMs() + delayMs;
    this.runtime.logger.log(
      'error',
      `activation of '${this.name}' failed, next attempt in ${delayMs} ms: ${describeError(error)}`,
    );
    void this.leave('its activation failed', { isReleasing: true });
  }

  async #deactivateNow(): Promise<void> {
    this.#upCalled = null;
    await this.#logged(() => this.settle());
    await this.#logged(async () => {
      await this.deactivate();
      this.#checkUpCall('deactivate', 'stopActivity');
    });
    await this.#logged(() => this.settle());
    this.#activity = null;
    this.runtime.probe.emit('deactivated', { service: this.name });
  }

  async #logged(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.runtime.logger.log('error', `deactivation of '${this.name}' failed: ${describeError(error)}`);
      this.#mistaken('the deactivation', error);
    }
  }

  #checkUpCall(method: 'activate' | 'deactivate', hook: string): void {
    if (this.#upCalled === method) return;
    const text =
      `${this.constructor.name}.${method}() of '${this.name}' does not call super.${method}(): ` +
      `call it, or override ${hook}() instead`;
    throw new StandinError('missing-up-call', text, { isMistake: true });
  }

  #refuseLate(what: string): never {
    const error = new ActivityOverError(what, this.name);
    this.#runtime?.logger.log('error', describeError(error));
    this.#mistaken(what, error);
    throw error;
  }

  #mistaken(what: string, error: unknown): void {
    if (this.#runtime !== null) tellMistake(this.#runtime, `${what} of '${this.name}'`, error);
  }

  /** Runs a transition, and says so when it waits for an activity that does not end. */
  async #impatiently(transition: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.runtime;
    const complain = (): void => {
      const cure = 'pass this.signal to what the activity waits for, and end its work in stopActivity()';
      logger.log('error', `'${this.name}' has not ended its activity within ${PATIENCE_MS} ms: ${cure}`);
    };
    const patience = clock.setTimer(complain, PATIENCE_MS);
    try {
      await this.#transitions.run(transition);
    } finally {
      patience.cancel();
    }
  }

  async #end(claim: Claim, reason: string, isReleasing: boolean): Promise<void> {
    this.runtime.logger.log('info', `'${this.name}' is left: ${reason}`);
    if (this.#activity !== null) await this.#deactivateNow();
    if (isReleasing) await this.#release(claim);
    this.#isBeginningAnew = false;
    this.#state = { kind: 'idle' };
  }

  async #release(claim: Claim): Promise<void> {
    try {
      await this.#tenure?.release(this, claim);
    } catch (error) {
      // The claim then ends with the lease, or is found to be ours and taken up again.
      this.runtime.logger.log('warning', `release of '${this.name}' failed: ${describeError(error)}`);
    }
  }
}
