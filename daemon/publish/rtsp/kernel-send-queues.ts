import { closeSync, openSync, readSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { endianness } from 'node:os';

/** The table of a machine with some thousand connections. */
const FIRST_BUFFER_BYTES = 65_536;

/**
 * How many bytes the kernel holds for each peer of a TCP port: sent and not acknowledged, or not sent yet. Node counts
 * only what the kernel did not take, and the kernel takes megabytes (`tcp_wmem`), so that a viewer who stopped reading
 * would look well for seconds, and then get a picture that is as old.
 */
export class KernelSendQueues {
  readonly #path: string;
  readonly #port: number;
  #file: number | undefined;
  #buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);

  /**
   * @param port the local port of the connections.
   * @param ipv6 whether it listens on an IPv6 address (which takes IPv4 peers too).
   * @param folder where the tables are.
   */
  constructor(port: number, ipv6: boolean, folder = '/proc/net') {
    this.#port = port;
    this.#path = `${folder}/${ipv6 ? 'tcp6' : 'tcp'}`;
  }

  /**
   * Bytes by {@link endpointKey} of the peer; peers whose queue is empty are not in it. Undefined where there is no
   * such table. Takes a millisecond or two, as the kernel searches all its connections.
   */
  read(): ReadonlyMap<string, number> | undefined {
    try {
      this.#file ??= openSync(this.#path, 'r');
      return parseSendQueues(this.#table(this.#file), this.#port);
    } catch {
      return undefined;
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** Waits for no disk: the kernel makes the text while it is read. A thread for each read would cost more than the reading. */
  #table(file: number): string {
    let length = 0;
    for (;;) {
      const read = readSync(file, this.#buffer, length, this.#buffer.length - length, length);
      if (read === 0) return this.#buffer.toString('latin1', 0, length);
      length += read;
      if (length === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], 2 * length);
    }
  }
}

/** Reads the table of proc_net_tcp(5): `sl: local remote state tx_queue:rx_queue ...`, all hexadecimal. */
export function parseSendQueues(table: string, port: number): Map<string, number> {
  const queues = new Map<string, number>();
  const local = `:${hexPort(port)}`;
  for (let from = 0, to = 0; from < table.length; from = to + 1) {
    to = table.indexOf('\n', from);
    if (to === -1) to = table.length;
    // Most lines of a busy machine are of no interest: look for the port before taking one apart.
    const at = table.indexOf(local, from);
    if (at === -1) break;
    if (at > to) {
      to = table.lastIndexOf('\n', at);
      continue;
    }
    const [, address = '', remote = '', , queue = ''] = table.slice(from, to).trim().split(/\s+/, 5);
    if (!address.endsWith(local)) continue;
    const bytes = Number.parseInt(queue, 16);
    if (bytes > 0) queues.set(remote, bytes);
  }
  return queues;
}

/** An address and port as the kernel's table writes them: words of the machine's byte order, in hexadecimal. */
export function endpointKey(address: string, port: number): string {
  const bytes = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address);
  if (endianness() === 'LE') bytes.swap32();
  return `${bytes.toString('hex').toUpperCase()}:${hexPort(port)}`;
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');

function ipv6Bytes(address: string): Buffer {
  const mapped = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const text =
    mapped === null
      ? address
      : `${mapped[1]}${Buffer.from((mapped[2] as string).split('.').map(Number))
          .toString('hex')
          .replace(/^.{4}/, '$&:')}`;
  const [head = '', tail] = text.replace(/%.*$/, '').split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const front = groups(head);
  const back = groups(tail ?? '');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const all = [...front, ...Array<string>(zeros).fill('0'), ...back];
  return Buffer.from(
    all
      .map((group) => group.padStart(4, '0'))
      .join('')
      .padEnd(32, '0')
      .slice(0, 32),
    'hex',
  );
}
