// How good a network is when nothing is wrong with it: tables of latencies and rates of mishaps.
//
// A latency is drawn uniformly from an ascending table, whose first entry is the benign one. Also on the worst of these
// networks a message arrives within 1 s: what is worse than that is a fault.

export interface NetworkProfile {
  readonly name: string;
  /** One way, microseconds, ascending; a value that stands there twice is twice as likely. */
  readonly latencyUs: readonly number[];
  /** Of a million segments: lost once more (and sent again), arriving twice, overtaken by a later one. */
  readonly lossPpm: number;
  readonly duplicatePpm: number;
  readonly reorderPpm: number;
}

export type NetworkName = 'local' | 'lan' | 'wan' | 'flaky';

export const NETWORK_PROFILES: Readonly<Record<NetworkName, NetworkProfile>> = {
  local: { name: 'local', latencyUs: [50, 60, 80, 120], lossPpm: 0, duplicatePpm: 0, reorderPpm: 0 },
  lan: {
    name: 'lan',
    latencyUs: [200, 210, 220, 240, 270, 300, 350, 400, 500, 600, 800, 1_000, 1_300, 1_700, 2_500, 5_000],
    lossPpm: 0,
    duplicatePpm: 0,
    reorderPpm: 0,
  },
  wan: {
    name: 'wan',
    latencyUs: [
      20_000, 20_500, 21_000, 22_000, 23_000, 25_000, 28_000, 32_000, 40_000, 55_000, 80_000, 120_000,
    ],
    lossPpm: 500,
    duplicatePpm: 100,
    reorderPpm: 2_000,
  },
  flaky: {
    name: 'flaky',
    latencyUs: [300, 400, 600, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 100_000, 150_000],
    lossPpm: 20_000,
    duplicatePpm: 10_000,
    reorderPpm: 50_000,
  },
};
