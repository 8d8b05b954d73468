// The WebSocket class for real connections: `ws`, with limits. The simulator has its own in its place.

import { WebSocket } from 'ws';

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A peer that does not answer the closing handshake keeps its socket, and the process, no longer than this. */
const CLOSE_TIMEOUT_MS = 2_000;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export class NodeWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    const options = {
      // Messages are small: compressing them costs more than it saves.
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      maxPayload: MAX_MESSAGE_BYTES,
    };
    super(url, protocols, options);
  }
}
