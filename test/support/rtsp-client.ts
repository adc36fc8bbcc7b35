import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface ClientResponse {
  status: number;
  /** Values by lower-case name. */
  headers: Map<string, string[]>;
  body: string;
}

interface Arrival {
  response?: ClientResponse;
  packet?: { channel: number; data: Buffer };
  end: number;
}

/** A bare RTSP connection for tests: writes what it is told to, byte for byte, and keeps what comes back. */
export class RtspClient {
  readonly socket: Socket;
  readonly packets: { channel: number; data: Buffer }[] = [];
  readonly responses: ClientResponse[] = [];
  closed = false;
  #rest: Buffer = Buffer.alloc(0);
  #cseq = 0;
  readonly #wakers = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RtspClient> {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, 'connect');
    return new RtspClient(socket);
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends a request and waits for the answer to it. */
  async request(method: string, uri: string, headers: Record<string, string> = {}, body = ''): Promise<ClientResponse> {
    const all = {
      CSeq: String(++this.#cseq),
      ...headers,
      ...(body === '' ? {} : { 'Content-Length': `${body.length}` }),
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    this.write(`${[`${method} ${uri} RTSP/1.0`, ...lines].join('\r\n')}\r\n\r\n${body}`);
    return this.response();
  }

  /** The next answer that nobody has taken yet. */
  async response(): Promise<ClientResponse> {
    await this.until(() => this.responses.length > 0, 'an answer');
    return this.responses.shift() as ClientResponse;
  }

  /** Waits until something is so; at most 15 s, and not past the end of the connection. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + 15_000;
    while (!condition()) {
      if (this.closed) throw new Error(`connection closed before ${what}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${what} within 15 s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wakers.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Waits for the server to close the connection. */
  async end(): Promise<void> {
    if (!this.closed) await once(this.socket, 'close');
  }

  close(): void {
    this.socket.destroy();
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let arrival = next(this.#rest); arrival !== undefined; arrival = next(this.#rest)) {
      this.#rest = this.#rest.subarray(arrival.end);
      if (arrival.response !== undefined) this.responses.push(arrival.response);
      if (arrival.packet !== undefined) this.packets.push(arrival.packet);
    }
    this.#wake();
  }
}

function next(bytes: Buffer): Arrival | undefined {
  if (bytes[0] === 0x24) {
    const end = bytes.length < 4 ? Number.POSITIVE_INFINITY : 4 + bytes.readUInt16BE(2);
    if (bytes.length < end) return undefined;
    return { packet: { channel: bytes[1] as number, data: bytes.subarray(4, end) }, end };
  }
  const blank = bytes.indexOf('\r\n\r\n');
  if (blank === -1) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, blank).split('\r\n');
  const status = Number(/^RTSP\/1\.0 (\d{3}) /.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error(`not an RTSP answer: ${first}`);
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  const end = blank + 4 + Number(headers.get('content-length')?.[0] ?? 0);
  if (bytes.length < end) return undefined;
  return { response: { status, headers, body: bytes.toString('utf8', blank + 4, end) }, end };
}
