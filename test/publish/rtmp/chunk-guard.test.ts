import { test } from 'tap';
import { ChunkGuard } from '../../../daemon/publish/rtmp/chunk-guard.ts';
import { BAD_CONNECT, CONNECT, CREATE_STREAM, chunk, command, HANDSHAKE } from '../../support/rtmp-wire.ts';

const chunkSize = (size: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(size);
  return chunk(2, 1, payload);
};
const long = chunk(3, 20, Buffer.alloc(128), 300);

const table: { name: string; bytes: Buffer[]; complaint: RegExp | undefined }[] = [
  { name: 'nothing but the handshake', bytes: [HANDSHAKE], complaint: undefined },
  {
    name: 'what a player sends',
    bytes: [HANDSHAKE, chunkSize(4096), CONNECT, CREATE_STREAM, command('play', 'a')],
    complaint: undefined,
  },
  { name: 'a message of a bad command', bytes: [HANDSHAKE, BAD_CONNECT], complaint: undefined },
  {
    name: 'a message in three chunks',
    bytes: [
      HANDSHAKE,
      long,
      Buffer.concat([Buffer.from([0xc3]), Buffer.alloc(128)]),
      Buffer.from([0xc3]),
      Buffer.alloc(44),
      CONNECT,
    ],
    complaint: undefined,
  },
  { name: 'an extended timestamp', bytes: [HANDSHAKE, extended(), CONNECT], complaint: undefined },
  {
    name: 'a message over the limit',
    bytes: [HANDSHAKE, chunk(3, 20, Buffer.alloc(0), 0xffffff)],
    complaint: /message of 16777215 bytes/,
  },
  {
    name: 'too many chunk streams',
    bytes: [HANDSHAKE, ...Array.from({ length: 9 }, (_, i) => chunk(3 + i, 20, Buffer.alloc(1)))],
    complaint: /more than 8/,
  },
  {
    name: 'a chunk stream of two bytes',
    bytes: [HANDSHAKE, Buffer.concat([Buffer.from([0, 7]), CONNECT.subarray(1)])],
    complaint: undefined,
  },
  {
    name: 'a chunk stream of three bytes',
    bytes: [HANDSHAKE, Buffer.concat([Buffer.from([1, 7, 7]), CONNECT.subarray(1)])],
    complaint: /three bytes/,
  },
  { name: 'chunk size 0', bytes: [HANDSHAKE, chunkSize(0)], complaint: /chunk size 0/ },
  { name: 'a huge chunk size', bytes: [HANDSHAKE, chunkSize(0x7fffffff)], complaint: /chunk size 2147483647/ },
  { name: 'a chunk size inside a message', bytes: [HANDSHAKE, long, chunkSize(200)], complaint: /inside a message/ },
  { name: 'a continuation of nothing', bytes: [HANDSHAKE, Buffer.from([0xc3])], complaint: /not begun/ },
  {
    name: 'a new header inside a message',
    bytes: [HANDSHAKE, long, chunk(3, 20, Buffer.alloc(9))],
    complaint: /inside a message/,
  },
  { name: 'an empty message', bytes: [HANDSHAKE, chunk(3, 20, Buffer.alloc(0))], complaint: /empty/ },
];

function extended(): Buffer {
  const bytes = chunk(4, 20, Buffer.alloc(3));
  bytes.fill(0xff, 1, 4);
  return Buffer.concat([bytes.subarray(0, 12), Buffer.from([1, 0, 0, 0]), bytes.subarray(12)]);
}

for (const { name, bytes, complaint } of table) {
  test(name, async (t) => {
    const all = Buffer.concat(bytes);
    const whole = new ChunkGuard().push(all);
    const single = new ChunkGuard();
    let found: string | undefined;
    for (let i = 0; i < all.length && found === undefined; i++) found = single.push(all.subarray(i, i + 1));
    t.equal(found, whole, 'byte by byte as in one piece');
    if (complaint === undefined) t.equal(whole, undefined);
    else t.match(whole, complaint);
  });
}

test('a new chunk size counts from the next chunk on', async (t) => {
  const guard = new ChunkGuard();
  t.equal(guard.push(Buffer.concat([HANDSHAKE, chunkSize(1000), chunk(3, 20, Buffer.alloc(500)), CONNECT])), undefined);
  t.match(guard.push(chunk(4, 20, Buffer.alloc(0), 20_000)), /message of 20000/);
});
