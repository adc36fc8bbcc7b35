import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { ChunkGuard } from './chunk-guard.ts';

export interface PlayerSocketOptions {
  socket: Socket;
  /** Milliseconds within which the player must have asked for a stream. */
  playDeadline: number;
  /** The connection was ended for this fault of the peer's. */
  refused: (reason: string) => void;
}

/**
 * A player's connection as node-media-server sees it: the part of `net.Socket` that its RTMP session uses. What the
 * player sends goes through the guard first, and what the parser throws at hostile bytes ends this connection alone.
 */
export class PlayerSocket extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  readonly #guard = new ChunkGuard();
  readonly #refused: (reason: string) => void;
  readonly #playDeadline: NodeJS.Timeout;
  #open = true;

  constructor(options: PlayerSocketOptions) {
    super();
    const { socket } = options;
    this.#socket = socket;
    this.#refused = options.refused;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    this.#playDeadline = setTimeout(() => this.#refuse('asked for nothing'), options.playDeadline);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', (error) => this.emit('error', error));
    socket.on('close', () => {
      this.#open = false;
      clearTimeout(this.#playDeadline);
      this.emit('close');
    });
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  /** The player has asked for a stream. */
  playing(): void {
    clearTimeout(this.#playDeadline);
  }

  write(bytes: Buffer): boolean {
    return this.#open && this.#socket.write(bytes);
  }

  /** Sends what is queued, then closes. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.end();
    // A peer that never reads would hold the connection for good.
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  destroy(): void {
    this.#open = false;
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    if (!this.#open) return;
    const complaint = this.#guard.push(bytes);
    if (complaint !== undefined) {
      this.#refuse(complaint);
      return;
    }
    try {
      this.emit('data', bytes);
    } catch (error) {
      this.#refuse(`parser failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #refuse(reason: string): void {
    this.#refused(reason);
    this.destroy();
  }
}
