// Rows that the suites of build requests and builds share: masters, builders, a buildset with stamps, and requests.

import type { Owner } from '../../src/db/claims.js';
import type { DatabaseEnvironment } from './databases.js';

/** The master of most tests, in its incarnation 2. */
export const ME: Owner = { masterid: 824, incarnation: 2 };
/** Another one, which is active too. */
export const OTHER: Owner = { masterid: 825, incarnation: 2 };

/** Masters ME and OTHER, builders 77 and 78, and buildset 539 without stamps. */
export async function addCluster(environment: DatabaseEnvironment): Promise<void> {
  const master =
    'INSERT INTO masters (id, name, name_hash, active, last_active, incarnation) VALUES (?, ?, ?, 1, 0, 2)';
  await environment.write(
    [master, ME.masterid, 'me', 'a'],
    [master, OTHER.masterid, 'other', 'b'],
    ["INSERT INTO builders (id, name, name_hash) VALUES (77, 'bldr-77', 'a'), (78, 'bldr-78', 'b')"],
  );
  await addBuildset(environment, 539);
}

export async function addBuildset(environment: DatabaseEnvironment, bsid: number): Promise<void> {
  await environment.write([
    "INSERT INTO buildsets (id, reason, submitted_at) VALUES (?, 'because', 1300305013)",
    bsid,
  ]);
}

/** A request; `claimedBy` and `complete` as they may be in any combination. */
export async function addRequest(
  environment: DatabaseEnvironment,
  brid: number,
  row: { bsid?: number; builderid?: number; claimedBy?: Owner; complete?: boolean; results?: number } = {},
): Promise<void> {
  const { bsid = 539, builderid = 77, claimedBy, complete = false, results = -1 } = row;
  const insert = `INSERT INTO buildrequests (id, buildsetid, builderid, complete, results, submitted_at)
                  VALUES (?, ?, ?, ?, ?, 1300305712)`;
  const claim = `INSERT INTO buildrequest_claims (brid, masterid, incarnation, claimed_at) VALUES (?, ?, ?, 1300103810)`;
  await environment.write(
    [insert, brid, bsid, builderid, Number(complete), results],
    ...(claimedBy === undefined ? [] : [[claim, brid, claimedBy.masterid, claimedBy.incarnation] as const]),
  );
}

/** Many requests at once, unclaimed and incomplete. */
export async function addManyRequests(
  environment: DatabaseEnvironment,
  brids: readonly number[],
): Promise<void> {
  await environment.write(
    ...brids.map(
      (brid) =>
        [
          'INSERT INTO buildrequests (id, buildsetid, builderid, submitted_at) VALUES (?, 539, 77, 0)',
          brid,
        ] as const,
    ),
  );
}
