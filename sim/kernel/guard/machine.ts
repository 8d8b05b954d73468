// What a process can know of and do to the machine it runs on: its host's name, its pid, its own end.

import { ambientProcess } from './ambient.js';
import { builtin, replace, type Holder } from './patch.js';

/** Simulated pids: the first incarnation of a node has the next one. */
const PID_BASE = 1000;

/** Thrown by process.exit() to end the caller's work, too: the process is dead when anyone could see it. */
class ProcessExited extends Error {
  override readonly name = 'ProcessExited';
}

export function guardMachine(): void {
  const realPid = process.pid;
  Object.defineProperty(process, 'pid', {
    configurable: true,
    enumerable: true,
    get: () => {
      const current = ambientProcess('process.pid');
      return current === null ? realPid : PID_BASE + current.incarnation;
    },
  });
  replace(
    builtin('os'),
    'hostname',
    (original) => () => ambientProcess('os.hostname')?.node.name ?? original(),
  );
  for (const key of ['exit', 'reallyExit']) {
    replace(process as unknown as Holder, key, (original) => (code) => {
      const current = ambientProcess(`process.${key}`);
      if (current === null) return original.call(process, code);
      current.exit(`process.exit(${Number(code ?? 0)})`);
      throw new ProcessExited();
    });
  }
}
