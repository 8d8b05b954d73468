// `standin router` as a process: it serves until it is told to stop, and then says goodbye.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../sim/explore/package-root.js';
import { aFolder, standin } from './spawn-standin.js';

/** A running router and the URL that it printed. */
async function start(...args: readonly string[]): Promise<{ process: ChildProcess; url: string }> {
  const command = [join(PACKAGE_ROOT, 'bin/standin.js'), 'router', '--port', '0', ...args];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const [url] = /ws:\/\/\S+/.exec(line) ?? [];
    if (url !== undefined) return { process: child, url };
  }
  throw new Error('the router ended without a word');
}

async function joinRealm(
  url: string,
  realm: string,
): Promise<{ socket: WebSocket; next: () => Promise<unknown> }> {
  const socket = new WebSocket(url, ['wamp.2.json']);
  const waiting: string[] = [];
  socket.on('message', (data) => waiting.push((data as Buffer).toString()));
  await once(socket, 'open');
  socket.send(JSON.stringify([1, realm, { roles: { subscriber: {} } }]));
  const next = async (): Promise<unknown> => {
    while (waiting.length === 0) await once(socket, 'message');
    return JSON.parse(waiting.shift() ?? 'null') as unknown;
  };
  return { socket, next };
}

describe('standin router', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('serves one realm, and ends cleanly at %s', async (signal) => {
    const router = await start('--realm', 'mine');
    const peer = await joinRealm(router.url, 'mine');
    expect(await peer.next()).toMatchObject([2, 1, { roles: { broker: {} } }]);
    const stranger = await joinRealm(router.url, 'other');
    expect(await stranger.next()).toEqual([3, {}, 'wamp.error.no_such_realm']);
    const closed = once(peer.socket, 'close');
    router.process.kill(signal);
    expect(await peer.next()).toEqual([6, {}, 'wamp.close.system_shutdown']);
    await closed;
    expect(await once(router.process, 'exit')).toEqual([0, null]);
  });

  test('closes a connection that does not speak wamp.2.json', async () => {
    const router = await start();
    const socket = new WebSocket(router.url);
    expect((await once(socket, 'close'))[0]).toBe(1002);
    router.process.kill('SIGTERM');
    await once(router.process, 'exit');
  });

  test.each([
    [['--port', '70000'], '--port 70000'],
    [['--port', 'x'], '--port x'],
    [['--host', ''], '--host'],
    [['--realm', 'a b'], '--realm "a b"'],
    [['--fast'], '--fast'],
    [['--host', '192.0.2.1'], 'cannot listen on 192.0.2.1:8080'],
  ])('refuses %j with exit code 64', (args, text) => {
    const { code, stderr } = standin(aFolder(), 'router', ...args);
    expect(stderr).toContain(text);
    expect(code).toBe(64);
  });
});
