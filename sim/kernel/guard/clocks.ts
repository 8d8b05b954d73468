// The clocks besides Date: performance, process.hrtime, uptime.

import { ambientProcess } from './ambient.js';
import { builtin, define, replace, type Holder } from './patch.js';

export function guardClocks(): void {
  guardPerformance();
  guardHrtime();
  replace(process as unknown as Holder, 'uptime', (original) => () => {
    const current = ambientProcess('process.uptime');
    return current === null ? original.call(process) : (current.localUs() - current.startLocalUs) / 1_000_000;
  });
  replace(builtin('os'), 'uptime', (original) => () => {
    const current = ambientProcess('os.uptime');
    return current === null ? original() : Math.floor(current.localUs() / 10_000) / 100;
  });
}

function guardPerformance(): void {
  const realNow = performance.now.bind(performance);
  const realOrigin = performance.timeOrigin;
  define(performance as unknown as Holder, 'now', () => {
    const current = ambientProcess('performance.now');
    return current === null ? realNow() : (current.localUs() - current.startLocalUs) / 1000;
  });
  Object.defineProperty(performance, 'timeOrigin', {
    configurable: true,
    get: () => {
      const current = ambientProcess('performance.timeOrigin');
      return current === null
        ? realOrigin
        : current.wallMs() - (current.localUs() - current.startLocalUs) / 1000;
    },
  });
}

function guardHrtime(): void {
  replace(process as unknown as Holder, 'hrtime', (original) => (previous) => {
    const current = ambientProcess('process.hrtime');
    if (current === null) return original.call(process, previous);
    const us = current.localUs();
    const [seconds, nanoseconds] = (previous ?? [0, 0]) as [number, number];
    const passed = us * 1000 - (seconds * 1_000_000_000 + nanoseconds);
    return [Math.floor(passed / 1_000_000_000), passed - Math.floor(passed / 1_000_000_000) * 1_000_000_000];
  });
  replace(process.hrtime as unknown as Holder, 'bigint', (original) => () => {
    const current = ambientProcess('process.hrtime.bigint');
    return current === null ? original() : BigInt(current.localUs()) * 1000n;
  });
}
