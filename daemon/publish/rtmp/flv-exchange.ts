import { createHash, randomBytes } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Readable } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { APPLICATION, VIEWER_HEADER } from './messages.ts';

/** How long somebody waits for a worker that is just starting again, in milliseconds. */
const READY_DEADLINE_MS = 4000;

interface WorkerRequest {
  method?: 'POST';
  path: string;
  headers?: Record<string, string>;
}

/** The FLV that goes into the worker, and comes out of it, over HTTP on this machine; the worker believes who knows its secret. */
export class FlvExchange {
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();
  #secret = '';
  /** Undefined while the worker takes nothing. */
  #port: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who waits in {@link ready}. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Another worker begins. @returns the secret that it is to be told. */
  begin(): string {
    this.#secret = randomBytes(16).toString('hex');
    return this.#secret;
  }

  /** The worker takes requests on a port. */
  opened(port: number): void {
    this.#port = port;
    for (const resolve of this.#waiters) resolve();
  }

  /** The worker is gone. */
  end(): void {
    this.#port = undefined;
  }

  /** @returns whether the worker takes requests, now or within a while. */
  async ready(): Promise<boolean> {
    if (this.#port === undefined)
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiters.delete(done);
          this.#clock.clearTimeout(timer);
          resolve();
        };
        const timer = this.#clock.setTimeout(done, READY_DEADLINE_MS);
        this.#waiters.add(done);
      });
    return this.#port !== undefined;
  }

  /** A stream's FLV for one viewer. @throws Error when the worker does not give it. */
  async play(name: string, viewer: string): Promise<Readable> {
    const port = this.#port;
    if (port === undefined) throw new Error('the worker is gone');
    const flv = await new Promise<IncomingMessage>((resolve, reject) => {
      const get = this.#open(port, { path: flvPath(name), headers: { [VIEWER_HEADER]: viewer } });
      get.once('response', resolve).once('error', reject).end();
    });
    if (flv.statusCode !== 200) throw new Error(`status ${flv.statusCode}`);
    return flv;
  }

  /** Pushes a converter's FLV into the worker: a POST that lasts as long as the converter, and is answered only when it fails. */
  publish(name: string, flv: Readable, failed: (reason: string) => void): () => void {
    if (this.#port === undefined) {
      failed('the worker is gone');
      return () => undefined;
    }
    const post = this.#open(this.#port, { method: 'POST', path: `${flvPath(name)}?sign=${this.#sign(name)}` });
    let ended = false;
    const end = (): void => {
      ended = true;
      flv.unpipe(post);
      flv.resume();
      post.destroy();
    };
    post.on('response', (response) => {
      response.resume();
      if (!ended) failed(`the worker refused its FLV with status ${response.statusCode}`);
    });
    post.on('error', (error) => {
      if (!ended) failed(`the worker does not take its FLV: ${error.message}`);
      end();
    });
    flv.pipe(post);
    return end;
  }

  /** node-media-server's own signature of a publisher: expiry and MD5 over path, expiry and secret. */
  #sign(name: string): string {
    const expiry = Math.floor(this.#clock.wall() / 1000) + 60;
    const digest = createHash('md5').update(`/${APPLICATION}/${name}-${expiry}-${this.#secret}`).digest('hex');
    return `${expiry}-${digest}`;
  }

  #open(port: number, options: WorkerRequest): ClientRequest {
    const headers = { ...options.headers, authorization: `Bearer ${this.#secret}` };
    return request({ ...options, headers, host: '127.0.0.1', port, agent: false });
  }
}

const flvPath = (name: string): string => `/${APPLICATION}/${name}.flv`;
