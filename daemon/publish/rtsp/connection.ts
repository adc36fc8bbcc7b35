import type { Socket } from 'node:net';
import type { RtspContext } from './context.ts';
import type { RtspRequest } from './request.ts';
import { errorResponse, RequestHandler } from './request-handler.ts';
import { RequestReader } from './request-reader.ts';
import { formatResponse } from './response.ts';
import { RtspError } from './rtsp-error.ts';
import type { EndReason } from './session.ts';
import { TcpOutlet } from './tcp-outlet.ts';

/** Requests that may wait for the answer of the one before. */
const MAX_WAITING = 16;
/** From the first byte of a request to its last, in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Without a session and without a request, in milliseconds. */
const IDLE_TIMEOUT_MS = 30_000;
/** What a viewer may exceed its session's timeout by: some send their keepalive at the last moment or after it. */
const GRACE_MS = 12_000;
/** A viewer that is too far behind for this long is let go, in milliseconds. */
const STALL_TIMEOUT_MS = 10_000;
/** From the last words of a connection to its end. */
const LINGER_MS = 200;

/** One TCP connection of a viewer: requests in, answers and interleaved media out. */
export class RtspConnection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  readonly #context: RtspContext;
  readonly #outlet: TcpOutlet;
  readonly #handler: RequestHandler;
  readonly #reader = new RequestReader();
  readonly #waiting: RtspRequest[] = [];
  readonly #closing = new AbortController();
  readonly #closed: Promise<void>;
  #answering = false;
  #lastRequest: number;
  #unfinishedSince: number | undefined;

  constructor(socket: Socket, context: RtspContext) {
    this.#socket = socket;
    this.#context = context;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    this.#lastRequest = context.clock.now();
    this.#outlet = new TcpOutlet(socket);
    this.#handler = new RequestHandler({
      context,
      remoteAddress: this.remoteAddress,
      localAddress: (socket.localAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''),
      outlet: this.#outlet,
      closed: this.#closing.signal,
      ended: (reason) => this.end(reason),
    });
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Begins to read. @returns a promise of the connection's end. */
  start(): Promise<void> {
    this.#socket.on('data', (chunk) => this.#read(chunk as Buffer));
    this.#socket.on('error', (error) => this.#context.log.debug({ err: error }, 'connection failed'));
    this.#socket.once('close', () => this.end('disconnected'));
    return this.#closed;
  }

  get viewerId(): string | undefined {
    return this.#handler.viewer?.id;
  }

  get hasSession(): boolean {
    return this.#handler.session !== undefined;
  }

  /** Whether its send queue is worth a measurement: media goes over it. */
  get sendsMedia(): boolean {
    const { session } = this.#handler;
    return session?.state === 'playing' && session.lower === 'tcp';
  }

  /** Ends session and connection. Idempotent. */
  end(reason: EndReason): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#waiting.length = 0;
    this.#handler.endSession(reason);
    this.#context.log.debug({ remoteAddress: this.remoteAddress, reason }, `connection closed: ${reason}`);
    if (reason === 'slow') this.#socket.destroy();
    else this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  /**
   * To be called about once a second.
   * @param kernelBytes what the kernel's send queue holds; undefined where nobody has looked this time.
   */
  tick(now: number, kernelBytes: number | undefined): void {
    const { session } = this.#handler;
    if (this.#unfinishedSince !== undefined && now - this.#unfinishedSince > REQUEST_TIMEOUT_MS) {
      this.end('timeout');
    } else if (session === undefined) {
      if (!this.#answering && now - this.#lastRequest > IDLE_TIMEOUT_MS) this.end('timeout');
    } else {
      if (this.sendsMedia) this.#measure(now, kernelBytes);
      session.tick(now);
      if (now - session.lastAlive > session.timeout * 1000 + GRACE_MS) this.end('timeout');
    }
  }

  /** That media arrives is a sign of life too: not every player sends keepalives while it reads from this connection. */
  #measure(now: number, kernelBytes: number | undefined): void {
    this.#outlet.mark(now);
    if (kernelBytes !== undefined && this.#outlet.sample(now, kernelBytes)) this.#handler.session?.alive();
    const { laggingSince } = this.#outlet;
    if (laggingSince !== undefined && now - laggingSince > STALL_TIMEOUT_MS) this.end('slow');
  }

  #read(chunk: Buffer): void {
    if (this.#closing.signal.aborted) return;
    try {
      for (const input of this.#reader.push(chunk)) {
        this.#unfinishedSince = undefined;
        if (input.kind === 'packet') this.#handler.receive(input.channel, input.packet);
        else this.#enqueue(input.request);
      }
      this.#unfinishedSince = this.#reader.unfinished
        ? (this.#unfinishedSince ?? this.#context.clock.now())
        : undefined;
    } catch (error) {
      if (!(error instanceof RtspError)) throw error;
      this.#context.log.info({ remoteAddress: this.remoteAddress, code: error.code }, `refused: ${error.message}`);
      this.#outlet.write(formatResponse(errorResponse(error), error.cseq));
      this.end('protocol');
    }
  }

  #enqueue(request: RtspRequest): void {
    if (this.#waiting.length >= MAX_WAITING) {
      const message = `more than ${MAX_WAITING} requests without waiting for an answer`;
      throw new RtspError('bad_request', message, { cseq: request.cseq });
    }
    this.#lastRequest = this.#context.clock.now();
    this.#waiting.push(request);
    if (!this.#answering) void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    this.#answering = true;
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift()) {
      const { response, sent } = await this.#handler.handle(request);
      if (this.#closing.signal.aborted) break;
      this.#outlet.write(formatResponse(response, request.cseq));
      sent?.();
    }
    this.#answering = false;
  }
}
