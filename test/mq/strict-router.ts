// A second WAMP broker, of another make, that a client may not lean on: linear matching, random ids, PUBLISHED before the
// events and details in exact events too, and the strictest reading of the specification. What a client does wrong is
// noted, and ends its session.

import { randomInt } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

const STRICT = /^([0-9a-z_]+\.)*[0-9a-z_]+$/;
const STRICT_WILDCARD = /^(([0-9a-z_]+\.)|\.)*([0-9a-z_]+)?$/;
const PUBLISH_OPTIONS = ['acknowledge', 'exclude_me'];
const CLIENT_ROLES = ['publisher', 'subscriber', 'caller', 'callee'];

interface Granted {
  readonly id: number;
  readonly match: string;
  readonly topic: string;
  readonly peers: Set<WebSocket>;
}

export class StrictRouter {
  readonly mistakes: string[] = [];
  readonly #server: WebSocketServer;
  readonly #granted: Granted[] = [];

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async listen(): Promise<StrictRouter> {
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: (offered) => offered.has('wamp.2.json') && 'wamp.2.json',
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return new StrictRouter(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ws`;
  }

  close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: WebSocket): void {
    let isJoined = false;
    let lastRequest = 0;
    socket.on('message', (data, isBinary) => {
      const message = JSON.parse((data as Buffer).toString()) as unknown[];
      try {
        if (isBinary) throw new Error('a binary frame');
        if (!isJoined) {
          this.#join(socket, message);
          isJoined = true;
        } else if (message[0] === 6) {
          socket.send('[6,{},"wamp.close.goodbye_and_out"]');
        } else {
          if (message[1] !== ++lastRequest)
            throw new Error(`request ${String(message[1])} after ${lastRequest - 1}`);
          this.#request(socket, message);
        }
      } catch (error) {
        this.mistakes.push(`${(error as Error).message}: ${(data as Buffer).toString()}`);
        socket.send('[3,{},"wamp.error.protocol_violation"]');
        socket.close();
      }
    });
    socket.on('close', () => this.#granted.forEach((granted) => granted.peers.delete(socket)));
  }

  #join(socket: WebSocket, [type, realm, details, ...rest]: unknown[]): void {
    const roles = (details as { roles?: Record<string, { features?: Record<string, unknown> }> }).roles ?? {};
    if (type !== 1 || rest.length > 0) throw new Error('expected HELLO');
    if (typeof realm !== 'string' || !STRICT.test(realm)) throw new Error('a bad realm');
    for (const [role, { features = {} }] of Object.entries(roles)) {
      if (!CLIENT_ROLES.includes(role)) throw new Error(`the role ${role}`);
      if (Object.values(features).some((feature) => typeof feature !== 'boolean'))
        throw new Error('a bad feature');
    }
    if (roles['publisher'] === undefined || roles['subscriber'] === undefined)
      throw new Error('roles are missing');
    const identity = { realm, authid: 'x', authrole: 'anonymous', authmethod: 'anonymous' };
    const granted = { ...identity, roles: { broker: { features: {} }, dealer: {} } };
    socket.send(JSON.stringify([2, anId(), granted]));
  }

  #request(socket: WebSocket, message: unknown[]): void {
    const [type, request, options, topic] = message as [number, number, Record<string, unknown>, string];
    if (type === 32) return this.#subscribe(socket, message);
    if (type === 34) return this.#unsubscribe(socket, message);
    if (type !== 16) throw new Error('an unexpected message');
    const unknown = Object.keys(options).filter((key) => !PUBLISH_OPTIONS.includes(key));
    if (unknown.length > 0) throw new Error(`unknown options ${unknown.join()}`);
    if (Object.values(options).some((value) => typeof value !== 'boolean'))
      throw new Error('an option is no boolean');
    if (!STRICT.test(topic)) throw new Error('a bad topic');
    const payload = message.slice(4);
    if (payload.length > 2 || !Array.isArray(payload[0] ?? [])) throw new Error('a bad payload');
    const publication = anId();
    if (options['acknowledge'] === true) socket.send(JSON.stringify([17, request, publication]));
    for (const { id, peers } of this.#granted.filter((granted) => matches(granted, topic))) {
      const event = JSON.stringify([
        36,
        id,
        publication,
        { topic, publisher: anId(), x_more: 1 },
        ...payload,
      ]);
      for (const peer of peers) if (peer !== socket || options['exclude_me'] === false) peer.send(event);
    }
  }

  #subscribe(socket: WebSocket, message: unknown[]): void {
    const [, request, options, topic] = message as [number, number, Record<string, unknown>, string];
    const { match = 'exact', ...rest } = options;
    if (message.length !== 4 || Object.keys(rest).length > 0) throw new Error('unknown options');
    if (match !== 'exact' && match !== 'wildcard') throw new Error('an unknown match');
    if (!(match === 'exact' ? STRICT : STRICT_WILDCARD).test(topic)) throw new Error('a bad pattern');
    let granted = this.#granted.find((one) => one.match === match && one.topic === topic);
    if (granted === undefined) this.#granted.push((granted = { id: anId(), match, topic, peers: new Set() }));
    if (granted.peers.has(socket)) throw new Error('subscribed twice');
    granted.peers.add(socket);
    socket.send(JSON.stringify([33, request, granted.id]));
  }

  #unsubscribe(socket: WebSocket, message: unknown[]): void {
    const granted = this.#granted.find((one) => one.id === message[2]);
    if (message.length !== 3 || granted?.peers.delete(socket) !== true)
      throw new Error('no such subscription');
    socket.send(JSON.stringify([35, message[1]]));
  }
}

function matches({ match, topic: pattern }: Granted, topic: string): boolean {
  if (match === 'exact') return pattern === topic;
  const [wanted, got] = [pattern.split('.'), topic.split('.')];
  return wanted.length === got.length && wanted.every((word, i) => word === '' || word === got[i]);
}

function anId(): number {
  return randomInt(1, 2 ** 48 - 1);
}
