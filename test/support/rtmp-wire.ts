import { connect, type Socket } from 'node:net';

/** C0 and C1 of the simple handshake, and a C2 that nobody checks (RTMP 1.0, 5.2). */
export const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536 * 2)]);

/** One chunk of format 0 with a whole message in it (RTMP 1.0, 5.3.1). */
export function chunk(chunkStream: number, type: number, payload: Buffer, length = payload.length): Buffer {
  const header = Buffer.alloc(12);
  header[0] = chunkStream;
  header.writeUIntBE(length, 4, 3);
  header[7] = type;
  return Buffer.concat([header, payload]);
}

export function amfString(text: string): Buffer {
  const bytes = Buffer.alloc(3 + text.length);
  bytes[0] = 2;
  bytes.writeUInt16BE(text.length, 1);
  bytes.write(text, 3, 'latin1');
  return bytes;
}

export function amfNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** AMF0 object with string members. */
export function amfObject(members: Record<string, string>): Buffer {
  const parts: Buffer[] = [Buffer.from([3])];
  for (const [name, value] of Object.entries(members)) parts.push(amfString(name).subarray(1), amfString(value));
  return Buffer.concat([...parts, Buffer.from([0, 0, 9])]);
}

export const AMF_NULL = Buffer.from([5]);

/** `connect` whose command object has a marker that AMF0 does not know: node-media-server's parser throws on it. */
export const BAD_CONNECT = chunk(3, 20, Buffer.concat([amfString('connect'), Buffer.from([0x7f])]));

/** Commands of at most 128 bytes, which fit into one chunk. */
export const CONNECT = chunk(
  3,
  20,
  Buffer.concat([amfString('connect'), amfNumber(1), amfObject({ app: 'live', tcUrl: 'rtmp://h/live' })]),
);
export const CREATE_STREAM = chunk(3, 20, Buffer.concat([amfString('createStream'), amfNumber(2), AMF_NULL]));
export const command = (name: 'play' | 'publish', stream: string): Buffer =>
  chunk(8, 20, Buffer.concat([amfString(name), amfNumber(0), AMF_NULL, amfString(stream)]));

export interface RtmpConnection {
  socket: Socket;
  /** Resolves when the peer has closed. */
  closed: Promise<void>;
  /** All bytes that came. */
  received(): Buffer;
}

export function rtmpConnect(port: number): RtmpConnection {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (bytes) => chunks.push(bytes));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, closed, received: () => Buffer.concat(chunks) };
}
