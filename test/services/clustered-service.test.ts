// The life of a clustered service, from the claim that it is handed to the one that it gives back. Who decides on claims
// is tested with the claim keeper (test/master/claim-keeper). Where we differ from Buildbot, the test says so.

import { beforeEach, describe, expect, test } from 'vitest';
import { AssertionFailure } from '../../src/core/assert.js';
import { StandinError } from '../../src/core/errors.js';
import { ClaimLostError, type Claim } from '../../src/db/claims.js';
import { ActivityOverError, ClusteredService, type Tenure } from '../../src/services/clustered-service.js';
import { settled } from '../support/manual-clock.js';
import { TestRuntime } from '../support/test-runtime.js';

const CLAIM: Claim = { serviceid: 20, masterid: 1, incarnation: 3, epoch: 7 };

/** A step of the service or its master that a test holds up, or makes fail. */
class Step {
  calls = 0;
  error: Error | null = null;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  letGo(): void {
    this.#open();
  }

  async run(): Promise<void> {
    this.calls += 1;
    await this.#gate;
    if (this.error !== null) throw this.error;
  }
}

class TestService extends ClusteredService {
  readonly starting = new Step();
  readonly stopping = new Step();
  /** The signal of each activity. */
  readonly signals: AbortSignal[] = [];

  protected override async startActivity(): Promise<void> {
    this.signals.push(this.signal);
    await this.starting.run();
  }

  protected override stopActivity(): Promise<void> {
    return this.stopping.run();
  }

  currentSignal(): AbortSignal {
    return this.signal;
  }

  effect(): Claim {
    return this.requireClaim('an effect');
  }

  refused(): void {
    this.claimSeemsLost();
  }

  confused(): void {
    this.beginAnew();
  }
}

class TestTenure implements Tenure {
  isBelieved = true;
  looks = 0;
  readonly releasing = new Step();
  readonly released: Claim[] = [];

  isTrusted(incarnation: number): boolean {
    return this.isBelieved && incarnation === CLAIM.incarnation;
  }

  async release(_service: ClusteredService, claim: Claim): Promise<void> {
    this.released.push(claim);
    await this.releasing.run();
  }

  lookAgain(): void {
    this.looks += 1;
  }
}

let runtime: TestRuntime;
let tenure: TestTenure;
let service: TestService;

beforeEach(() => {
  runtime = new TestRuntime();
  tenure = new TestTenure();
  service = new TestService('bot');
  service.bind(tenure, runtime, 20);
});

describe('before it is handed a claim', () => {
  test('a new service has a name, no id and no claim, is inactive, and has called nothing', () => {
    const fresh = new TestService('bot');
    expect([fresh.name, fresh.serviceid, fresh.claim, fresh.active, fresh.enabled]).toEqual([
      'bot',
      null,
      null,
      false,
      true,
    ]);
    expect(fresh.starting.calls).toBe(0);
  });

  test('a bound service has an id, and waits', () => {
    expect([service.serviceid, service.active, service.isWilling]).toEqual([20, false, true]);
  });

  test('leaving what was never active is immediate: nothing is deactivated or released', async () => {
    await service.leave('test', { isReleasing: true });
    expect([service.stopping.calls, tenure.released]).toEqual([0, []]);
  });

  test('effects are refused, and the signal has aborted, before it was started and while it is idle', () => {
    expect(() => new TestService('bot').effect()).toThrow(ClaimLostError);
    expect(() => service.effect()).toThrow(ClaimLostError);
    expect(service.currentSignal().aborted).toBe(true);
    expect(tenure.looks).toBe(0);
  });
});

describe('activation', () => {
  test('a service that is handed a claim is activated once, and active', async () => {
    await service.take(CLAIM);
    expect([service.active, service.starting.calls, service.isWilling]).toEqual([true, 1, false]);
    expect(service.effect()).toBe(CLAIM);
    expect(service.currentSignal().aborted).toBe(false);
    expect(runtime.probes).toEqual([{ event: 'activated', detail: { service: 'bot' } }]);
  });

  test('a service is active from the instant at which it holds its claim, while its activation is still pending', async () => {
    service.starting.hold();
    const taken = service.take(CLAIM);
    expect(service.active).toBe(true);
    service.starting.letGo();
    await taken;
  });

  test('a second claim for a service that holds one is a bug', async () => {
    await service.take(CLAIM);
    await expect(service.take(CLAIM)).rejects.toThrow(AssertionFailure);
  });

  test('an activation that fails is logged once and, unlike in Buildbot, gives the claim back', async () => {
    service.starting.error = new StandinError('my-own', 'no');
    await service.take(CLAIM);
    await settled();
    expect([service.active, service.stopping.calls, tenure.released]).toEqual([false, 1, [CLAIM]]);
    expect(runtime.complaints).toEqual([
      "error: activation of 'bot' failed, next attempt in 1000 ms: my-own: no",
    ]);
  });

  test('failed activations are tried again after pauses that grow to a minute and are forgotten after a success', async () => {
    service.starting.error = new StandinError('my-own', 'no');
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      await service.take(CLAIM);
      await settled();
      let pauseMs = 0;
      for (; !service.isWilling; pauseMs += 500) await runtime.clock.advance(500);
      pauses.push(pauseMs);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    service.starting.error = null;
    await service.take(CLAIM);
    await service.leave('test', { isReleasing: true });
    service.starting.error = new StandinError('my-own', 'no');
    await service.take(CLAIM);
    expect(runtime.complaints.at(-1)).toContain('next attempt in 1000 ms');
  });

  test('a subclass that overrides activate without calling super is told so', async () => {
    class Forgetful extends TestService {
      override async activate(): Promise<void> {
        // forgets super.activate()
      }
    }
    const forgetful = new Forgetful('bot');
    forgetful.bind(tenure, runtime, 20);
    await forgetful.take(CLAIM);
    expect(runtime.complaints.join()).toContain(
      "missing-up-call: Forgetful.activate() of 'bot' does not call super.activate(): " +
        'call it, or override startActivity() instead',
    );
    expect(forgetful.active).toBe(false);
  });
});

describe('leaving', () => {
  test('an active service is deactivated once, then released once, and inactive from the first instant', async () => {
    await service.take(CLAIM);
    const left = service.leave('test', { isReleasing: true });
    expect(service.active).toBe(false);
    await left;
    expect([service.stopping.calls, tenure.released, service.claim]).toEqual([1, [CLAIM], null]);
    expect(runtime.probes.map(({ event }) => event)).toEqual(['activated', 'deactivated']);
  });

  test('without releasing, the claim stays as it is in the database', async () => {
    await service.take(CLAIM);
    await service.leave('test', { isReleasing: false });
    expect([service.stopping.calls, tenure.released]).toEqual([1, []]);
  });

  test('leaving while the activation is pending waits for it, then deactivates and releases', async () => {
    service.starting.hold();
    const taken = service.take(CLAIM);
    await settled();
    const left = service.leave('test', { isReleasing: true });
    await settled();
    expect([service.active, service.stopping.calls, tenure.released]).toEqual([false, 0, []]);
    service.starting.letGo();
    await Promise.all([taken, left]);
    expect([service.starting.calls, service.stopping.calls, tenure.released]).toEqual([1, 1, [CLAIM]]);
  });

  test('the signal of the activity aborts at once, so that a pending activation need not be waited for', async () => {
    service.starting.hold();
    const taken = service.take(CLAIM);
    await settled();
    const left = service.leave('test', { isReleasing: true });
    expect(service.signals[0]?.aborted).toBe(true);
    expect(service.signals[0]?.reason).toBeInstanceOf(ClaimLostError);
    service.starting.letGo();
    await Promise.all([taken, left]);
  });

  test('while the deactivation is pending nothing is released', async () => {
    await service.take(CLAIM);
    service.stopping.hold();
    const left = service.leave('test', { isReleasing: true });
    await settled();
    expect([service.active, service.stopping.calls, tenure.released]).toEqual([false, 1, []]);
    service.stopping.letGo();
    await left;
    expect(tenure.released).toEqual([CLAIM]);
  });

  test('while the release is pending, leaving waits and the service is inactive and unwilling', async () => {
    await service.take(CLAIM);
    tenure.releasing.hold();
    let isLeft = false;
    const left = service.leave('test', { isReleasing: true }).then(() => (isLeft = true));
    await settled();
    expect([service.active, service.isWilling, isLeft, service.claim]).toEqual([false, false, false, CLAIM]);
    tenure.releasing.letGo();
    await left;
    expect(service.isWilling).toBe(true);
  });

  test('two who leave at once wait for the same end', async () => {
    await service.take(CLAIM);
    const both = [1, 2].map(() => service.leave('test', { isReleasing: true }));
    await Promise.all(both);
    expect([service.stopping.calls, tenure.released.length]).toEqual([1, 1]);
  });

  test('a deactivation that fails is logged once and, unlike in Buildbot, keeps nobody from releasing', async () => {
    await service.take(CLAIM);
    service.stopping.error = new StandinError('my-own', 'no');
    await service.leave('test', { isReleasing: true });
    expect([service.active, tenure.released]).toEqual([false, [CLAIM]]);
    expect(runtime.complaints).toEqual(["error: deactivation of 'bot' failed: my-own: no"]);
  });

  test('a release that fails is logged once, and the service is idle', async () => {
    await service.take(CLAIM);
    tenure.releasing.error = new StandinError('my-own', 'no');
    await service.leave('test', { isReleasing: true });
    expect([service.active, service.claim]).toEqual([false, null]);
    expect(runtime.complaints).toEqual(["warning: release of 'bot' failed: my-own: no"]);
  });

  test('a service that was left can be handed the next claim', async () => {
    await service.take(CLAIM);
    await service.leave('test', { isReleasing: true });
    await service.take({ ...CLAIM, epoch: 8 });
    expect([service.active, service.starting.calls, service.claim?.epoch]).toEqual([true, 2, 8]);
    expect(service.currentSignal().aborted).toBe(false);
  });
});

describe('what a subclass forgets', () => {
  test('a deactivate without super.deactivate() is told so, and the claim is released all the same', async () => {
    class Forgetful extends TestService {
      override async deactivate(): Promise<void> {
        // forgets super.deactivate()
      }
    }
    const forgetful = new Forgetful('bot');
    forgetful.bind(tenure, runtime, 20);
    await forgetful.take(CLAIM);
    await forgetful.leave('test', { isReleasing: true });
    expect(tenure.released).toEqual([CLAIM]);
    expect(runtime.complaints).toEqual([
      "error: deactivation of 'bot' failed: missing-up-call: Forgetful.deactivate() of 'bot' does not call " +
        'super.deactivate(): call it, or override stopActivity() instead',
    ]);
  });

  test('work that outlives the activity is refused, and told what to do about it', async () => {
    await service.take(CLAIM);
    await service.leave('test', { isReleasing: true });
    expect(() => service.effect()).toThrow(ActivityOverError);
    expect(tenure.looks).toBe(0);
    expect(runtime.complaints).toEqual([
      "error: activity-over: an effect of 'bot' came after the end of its activity and was refused: what " +
        'startActivity() begins must end in stopActivity(): cancel its timers, await its work, and pass this.signal ' +
        'to what it waits for',
    ]);
  });

  test('work that goes on while its service is disabled is refused too', async () => {
    await service.take(CLAIM);
    service.setEnabled(false);
    await settled();
    expect(() => service.effect()).toThrow(ActivityOverError);
    expect(service.claim).toBe(CLAIM);
  });

  test('an activity that does not end is complained about after 20 s, with the cure', async () => {
    await service.take(CLAIM);
    service.stopping.hold();
    const left = service.leave('test', { isReleasing: true });
    await runtime.clock.advance(19_999);
    expect(runtime.complaints).toEqual([]);
    await runtime.clock.advance(1);
    expect(runtime.complaints).toEqual([
      "error: 'bot' has not ended its activity within 20000 ms: pass this.signal to what the activity waits for, and " +
        'end its work in stopActivity()',
    ]);
    service.stopping.letGo();
    await left;
    expect(runtime.clock.pending).toBe(0);
  });
});

describe('belief', () => {
  test('a service is inactive as soon as its lease cannot be trusted, before anybody has told it', async () => {
    await service.take(CLAIM);
    tenure.isBelieved = false;
    expect(service.active).toBe(false);
    expect(service.claim).toBe(CLAIM);
  });

  test('an effect of a service that is not trusted is refused, and the claim is left outside of the activity', async () => {
    await service.take(CLAIM);
    tenure.isBelieved = false;
    expect(() => service.effect()).toThrow(ClaimLostError);
    expect(tenure.looks).toBe(1);
    await settled();
    expect([service.claim, service.stopping.calls, tenure.released]).toEqual([null, 1, []]);
  });

  test('an activity that is refused within its own deactivation waits for nobody', async () => {
    await service.take(CLAIM);
    service.refused();
    service.refused();
    await settled();
    expect([service.claim, service.stopping.calls, tenure.looks]).toEqual([null, 1, 1]);
  });
});

describe('enabling', () => {
  test('a disabled service keeps its claim and does nothing', async () => {
    await service.take(CLAIM);
    service.setEnabled(false);
    await settled();
    expect([service.active, service.enabled, service.stopping.calls, tenure.released]).toEqual([
      true,
      false,
      1,
      [],
    ]);
    expect(service.signals[0]?.aborted).toBe(true);
  });

  test('a service that is disabled when it is handed a claim begins when it is enabled', async () => {
    service.setEnabled(false);
    await service.take(CLAIM);
    expect(service.starting.calls).toBe(0);
    service.setEnabled(true);
    await settled();
    expect(service.starting.calls).toBe(1);
  });

  test('enabling what is enabled, or disabling what is disabled, changes nothing', async () => {
    await service.take(CLAIM);
    service.setEnabled(true);
    service.setEnabled(false);
    service.setEnabled(false);
    await settled();
    expect([service.starting.calls, service.stopping.calls]).toEqual([1, 1]);
  });

  test('a disabled service that is left is released without being deactivated again', async () => {
    await service.take(CLAIM);
    service.setEnabled(false);
    await service.leave('test', { isReleasing: true });
    expect([service.stopping.calls, tenure.released]).toEqual([1, [CLAIM]]);
  });

  test('a service that is disabled and enabled again before it could end has a new activity, not an aborted one', async () => {
    await service.take(CLAIM);
    service.setEnabled(false);
    service.setEnabled(true);
    await settled();
    expect([service.starting.calls, service.stopping.calls]).toEqual([2, 1]);
    expect(service.currentSignal().aborted).toBe(false);
  });

  test('a service that is left while it is being enabled again begins nothing', async () => {
    await service.take(CLAIM);
    service.stopping.hold();
    service.setEnabled(false);
    service.setEnabled(true);
    await settled();
    const left = service.leave('test', { isReleasing: true });
    service.stopping.letGo();
    await left;
    expect([service.starting.calls, service.stopping.calls]).toEqual([1, 1]);
  });
});

describe('what may remember something wrong', () => {
  test('begins anew under the same claim, and stays active meanwhile', async () => {
    await service.take(CLAIM);
    service.confused();
    expect([service.signals[0]?.aborted, service.active]).toEqual([true, true]);
    await runtime.clock.advance(0);
    expect([service.starting.calls, service.stopping.calls, service.active]).toEqual([2, 1, true]);
    expect([service.currentSignal().aborted, tenure.released]).toEqual([false, []]);
  });

  test('is tried again while it cannot begin, and ends with the claim', async () => {
    await service.take(CLAIM);
    service.starting.error = new StandinError('connection-lost', 'no database');
    service.confused();
    await runtime.clock.advance(3_500);
    expect([service.starting.calls, service.active, tenure.released]).toEqual([5, true, []]);
    await service.leave('test', { isReleasing: false });
    await runtime.clock.advance(10_000);
    expect([service.starting.calls, service.active]).toEqual([5, false]);
  });

  test('a claim that is taken later is given back when its activation fails, as ever', async () => {
    await service.take(CLAIM);
    service.confused();
    await service.leave('test', { isReleasing: false });
    service.starting.error = new StandinError('connection-lost', 'no database');
    await service.take(CLAIM);
    await runtime.clock.advance(0);
    expect([service.active, tenure.released]).toEqual([false, [CLAIM]]);
  });
});
