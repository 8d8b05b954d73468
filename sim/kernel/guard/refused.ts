// What no simulated process can have: files, sockets, child processes, threads, and whatever completes in real time
// or when the garbage collector likes.
//
// Functions and classes are replaced by proxies that refuse to be called or constructed during a run: their properties,
// prototypes, names and `instanceof` stay as they were.

import { refuse } from './ambient.js';
import { builtin, define, type Holder } from './patch.js';

/** Modules of which every function is refused, but for those that only compute. */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  fs: ['Stats', 'Dirent', 'Dir'],
  'fs/promises': [],
  net: ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'],
  tls: ['checkServerIdentity', 'convertALPNProtocols', 'getCiphers'],
  http: ['validateHeaderName', 'validateHeaderValue'],
  https: [],
  http2: ['getDefaultSettings', 'getPackedSettings', 'getUnpackedSettings'],
  dgram: [],
  dns: [],
  'dns/promises': [],
  child_process: [],
  cluster: [],
  inspector: [],
  readline: ['clearLine', 'clearScreenDown', 'cursorTo', 'moveCursor'],
  'readline/promises': [],
  worker_threads: [
    'getEnvironmentData',
    'isMarkedAsUntransferable',
    'markAsUntransferable',
    'markAsUncloneable',
  ],
};

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  crypto: [
    ...[
      'pbkdf2',
      'scrypt',
      'hkdf',
      'generateKey',
      'generateKeySync',
      'generateKeyPair',
      'generateKeyPairSync',
    ],
    ...[
      'generatePrime',
      'generatePrimeSync',
      'checkPrime',
      'createDiffieHellman',
      'createDiffieHellmanGroup',
    ],
    ...['createECDH', 'sign', 'createSign', 'publicEncrypt', 'encapsulate', 'argon2'],
  ],
  os: ['cpus', 'freemem', 'totalmem', 'loadavg', 'networkInterfaces', 'userInfo'],
  perf_hooks: ['PerformanceObserver', 'monitorEventLoopDelay'],
  process: [
    'abort',
    'kill',
    'chdir',
    'dlopen',
    'cpuUsage',
    'memoryUsage',
    'resourceUsage',
    'constrainedMemory',
    'availableMemory',
  ],
};

const GLOBALS = [
  ...[
    'fetch',
    'WebSocket',
    'EventSource',
    'MessageChannel',
    'BroadcastChannel',
    'WeakRef',
    'FinalizationRegistry',
  ],
  ...['CompressionStream', 'DecompressionStream', 'PerformanceObserver'],
];

export function guardRefused(): void {
  for (const name of GLOBALS) refuseGlobal(name);
  refuseMembers(Atomics as unknown as Holder, 'Atomics', ['wait', 'waitAsync', 'pause']);
  refuseMembers(performance as unknown as Holder, 'performance', [
    'mark',
    'measure',
    'timerify',
    'eventLoopUtilization',
  ]);
  const subtle = Object.getPrototypeOf(globalThis.crypto.subtle) as Holder;
  refuseMembers(subtle, 'crypto.subtle', functionsOf(subtle, ['constructor']));
  for (const [module, exempt] of Object.entries(MODULES)) {
    const holder = builtin(module);
    refuseMembers(holder, module, functionsOf(holder, exempt));
  }
  for (const [module, members] of Object.entries(MEMBERS)) refuseMembers(builtin(module), module, members);
  const zlib = builtin('zlib');
  refuseMembers(
    zlib,
    'zlib',
    functionsOf(zlib, ['crc32']).filter((name) => !name.endsWith('Sync')),
  );
}

/** Own functions held as plain values; getters are left alone, since reading some of them loads whole libraries. */
function functionsOf(holder: Holder, exempt: readonly string[]): string[] {
  return Object.keys(Object.getOwnPropertyDescriptors(holder)).filter((key) => {
    const own = Object.getOwnPropertyDescriptor(holder, key);
    return typeof own?.value === 'function' && own.configurable === true && !exempt.includes(key);
  });
}

function refuseMembers(holder: Holder, owner: string, members: readonly string[]): void {
  for (const member of members) {
    const original = holder[member];
    if (typeof original === 'function') define(holder, member, refusing(`${owner}.${member}`, original));
  }
}

function refuseGlobal(name: string): void {
  const own = Object.getOwnPropertyDescriptor(globalThis, name);
  if (own === undefined) return;
  if (own.get === undefined) {
    if (typeof own.value === 'function')
      define(globalThis as unknown as Holder, name, refusing(name, own.value));
    return;
  }
  // Node loads these when they are first read, and then puts the value in the place of the getter; so do we.
  const read = own.get;
  const settle = (value: unknown): void => define(globalThis as unknown as Holder, name, value);
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: own.enumerable ?? false,
    get: () => {
      const value: unknown = read.call(globalThis);
      const guarded = typeof value === 'function' ? refusing(name, value) : value;
      settle(guarded);
      return guarded;
    },
    set: settle,
  });
}

function refusing(name: string, original: unknown): unknown {
  return new Proxy(original as object, {
    apply(target, self, values) {
      refuse(name);
      return Reflect.apply(target as () => unknown, self, values) as unknown;
    },
    construct(target, values, newTarget) {
      refuse(name);
      return Reflect.construct(target as new () => object, values, newTarget) as object;
    },
  });
}
