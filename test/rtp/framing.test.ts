import { test } from 'tap';
import { InterleavedSplitter, interleave, Rfc4571Splitter } from '../../daemon/rtp/framing.ts';
import { checkChunking, chunks } from '../support/chunks.ts';
import { rfc4571 } from '../support/rtp-packets.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SIZES = [1, 12, 1200, 0, 255, 256, 65_535, 0, 3];

function packets(): Buffer[] {
  return SIZES.map((size, index) => Buffer.alloc(size, index + 1));
}

test('RFC 4571: whole packets whatever the chunks', async (t) => {
  const sent = packets();
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  checkChunking(t, { stream: rfc4571(sent), sent, random }, (received) => new Rfc4571Splitter(received));
});

test('byte by byte, a packet comes with its last byte', async (t) => {
  const sent = [Buffer.from('a'), Buffer.from('bcd'), Buffer.from('efghi')];
  const plain: [number, string][] = [];
  const framed: [number, number, string][] = [];
  let position = 0;
  const rfc = new Rfc4571Splitter((packet) => plain.push([position, packet.toString()]));
  for (const byte of rfc4571(sent)) {
    position += 1;
    rfc.push(Buffer.from([byte]));
  }
  t.same(plain, [
    [3, 'a'],
    [8, 'bcd'],
    [15, 'efghi'],
  ]);
  position = 0;
  const interleaved = new InterleavedSplitter((channel, packet) => framed.push([position, channel, packet.toString()]));
  for (const byte of Buffer.concat(sent.map((packet, i) => interleave(i * 127, packet)))) {
    position += 1;
    interleaved.push(Buffer.from([byte]));
  }
  t.same(framed, [
    [5, 0, 'a'],
    [12, 127, 'bcd'],
    [21, 254, 'efghi'],
  ]);
});

test('packets inside a chunk are views, not copies', async (t) => {
  const chunk = rfc4571([Buffer.from('one'), Buffer.from('two')]);
  const received: Buffer[] = [];
  new Rfc4571Splitter((packet) => received.push(packet)).push(chunk);
  t.ok(received.every((packet) => packet.buffer === chunk.buffer));
});

test('interleaved: channels and lengths', async (t) => {
  const sent = packets();
  const received: [number, Buffer][] = [];
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const splitter = new InterleavedSplitter((channel, packet) => received.push([channel, packet]));
  const stream = Buffer.concat(sent.map((packet, index) => interleave(index === 0 ? 255 : index, packet)));
  for (const chunk of chunks(stream, () => random.integer(1, 5000))) splitter.push(chunk);
  t.equal(received.length, sent.length);
  t.ok(received.every(([channel, packet], i) => channel === (i === 0 ? 255 : i) && packet.equals(sent[i] as Buffer)));
});

test('interleaved: out of step is an error, not a guess', async (t) => {
  const splitter = new InterleavedSplitter(() => t.fail('no packet can be known here'));
  t.throws(() => splitter.push(Buffer.from([0x25, 0, 0, 1, 9])), /out of step/);
});

test('interleave refuses what its length field cannot say', async (t) => {
  t.throws(() => interleave(0, Buffer.alloc(65_536)), RangeError);
  t.same([...interleave(3, Buffer.from([7, 8]))], [0x24, 3, 0, 2, 7, 8]);
});
