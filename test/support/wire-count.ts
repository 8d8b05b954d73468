// Counts the round trips of everything that uses a PostgreSQL database, on the wire: a proxy between driver and server. A
// round trip begins with the first byte that a client sends after the server has spoken.

import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

export class WireCount {
  roundTrips = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, host: string) {
    this.#server = createServer((client) => this.#relay(client, connect(port, host)));
  }

  /** Between clients and the server at `url`. */
  static async before(url: string): Promise<{ readonly wire: WireCount; readonly url: string }> {
    const target = new URL(url);
    const wire = new WireCount(Number(target.port || 5432), target.hostname);
    await new Promise<void>((resolve) => wire.#server.listen(0, '127.0.0.1', resolve));
    target.hostname = '127.0.0.1';
    target.port = String((wire.#server.address() as AddressInfo).port);
    return { wire, url: target.href };
  }

  /** How many round trips `work` takes, and nothing else at the time. */
  async of(work: () => Promise<unknown>): Promise<number> {
    const before = this.roundTrips;
    await work();
    return this.roundTrips - before;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(client: Socket, server: Socket): void {
    let isServersTurn = false;
    client.on('data', (bytes) => {
      if (!isServersTurn) this.roundTrips += 1;
      isServersTurn = true;
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      isServersTurn = false;
      client.write(bytes);
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  }
}
