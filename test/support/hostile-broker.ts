import type { Socket } from 'node:net';
import type { SeededRandom } from './seeded-random.ts';

/** MQTT 5 as a broker that means harm speaks it: what follows a good beginning is up to {@link HOSTILITIES}. */

const CONNACK = Buffer.from([0x20, 3, 0, 0, 0]);

/** A packet with its remaining length (MQTT 5, 1.5.5). */
function packet(first: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) return Buffer.concat([Buffer.from([first, ...length]), body]);
  }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** A PUBLISH of QoS 0; properties as bytes. */
function publish(topic: string, payload: Buffer, properties: Buffer = Buffer.alloc(0)): Buffer {
  if (properties.length > 127) throw new Error('longer properties are not needed here');
  return packet(0x30, Buffer.concat([text(topic), Buffer.from([properties.length]), properties, payload]));
}

const userProperty = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0x26]), text(name), text(value)]);

const many = (count: number, make: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));

/** What the broker says instead of being one, by name. Each ends or leaves the connection; either way the gateway comes again. */
export const HOSTILITIES: Readonly<Record<string, (base: string, random: SeededRandom) => Buffer>> = {
  garbage: (_, random) => random.bytes(20_000),
  'another protocol': () => Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  'a flood of requests': (base) => many(20_000, () => publish(`${base}/request/stream/list`, Buffer.from('{}'))),
  'a flood of values': (base) => many(20_000, (i) => publish(`${base}/streams/camera/set/x${i}`, Buffer.from('1'))),
  'a flood of what was not subscribed': (base) => many(20_000, (i) => publish(`${base}/${i}`, Buffer.from('x'))),
  'a packet of 1 MiB': (base) => publish(`${base}/request/stream/list`, Buffer.alloc(2 ** 20, 0x7b)),
  'a packet that is said to be 256 MiB': () => Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61]),
  'a length without end': () => Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]),
  'answers to nothing': () =>
    Buffer.from([...[0x90, 4, 0x12, 0x34, 0, 0], ...[0x40, 2, 0x12, 0x34], ...[0x50, 2, 1, 1], ...[0x62, 2, 1, 1]]),
  'a second CONNACK': () => CONNACK,
  'what only clients say': () => Buffer.from([...[0xc0, 0], ...[0x82, 6, 0, 1, 0, 0, 1, 0x61], ...[0xe0, 0]]),
  'reserved types': () => Buffer.from([0x00, 0, 0xf7, 0]),
  'a topic alias that was never set': () => Buffer.from([0x30, 6, 0, 0, 3, 0x23, 0, 5]),
  'a property that there is not': (base) =>
    publish(`${base}/request/stream/list`, Buffer.from('{}'), Buffer.from([0x7e])),
  'properties longer than the packet': () => Buffer.from([0x30, 5, 0, 1, 0x61, 0x7f, 0x26]),
  'a prototype as user property': (base) =>
    publish(`${base}/request/stream/list`, Buffer.from('{}'), userProperty('__proto__', 'x')),
  'answers wanted elsewhere': (base) =>
    publish(
      `${base}/request/stream/list`,
      Buffer.from('{}'),
      Buffer.concat([Buffer.from([0x08]), text('homeassistant/device/x/config'), Buffer.from([0x09]), text('x')]),
    ),
  'a QoS that there is not': () => Buffer.from([0x36, 5, 0, 1, 0x61, 0, 1]),
  'text that is no UTF-8': () => Buffer.from([0x30, 6, 0, 2, 0xc3, 0x28, 0, 0x7b]),
};

/**
 * Serves one client: lets it in and acknowledges what it says, as a broker does.
 * @param born called when it has published its birth.
 */
export function befriend(socket: Socket, hello: Buffer, born: () => void): void {
  let rest = hello;
  const read = (): void => {
    for (;;) {
      let [length, at] = [0, 1];
      for (let shift = 0; ; shift += 7) {
        const byte = rest[at++];
        if (byte === undefined) return;
        length |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      if (rest.length < at + length) return;
      answer(rest[0] as number, rest.subarray(at, at + length));
      rest = rest.subarray(at + length);
    }
  };
  const answer = (first: number, body: Buffer): void => {
    if (socket.destroyed) return;
    switch (first >> 4) {
      case 1:
        socket.write(CONNACK);
        break;
      case 3: {
        const topic = body.toString('utf8', 2, 2 + body.readUInt16BE(0));
        if (((first >> 1) & 3) === 1) {
          const id = body.subarray(2 + body.readUInt16BE(0)).subarray(0, 2);
          socket.write(Buffer.concat([Buffer.from([0x40, 2]), id]));
        }
        if (topic.endsWith('/availability')) born();
        break;
      }
      case 8:
        socket.write(Buffer.concat([Buffer.from([0x90, 4]), body.subarray(0, 2), Buffer.from([0, 1])]));
        break;
      case 12:
        socket.write(Buffer.from([0xd0, 0]));
        break;
    }
  };
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    read();
  });
  read();
}
