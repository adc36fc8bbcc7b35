import { test } from 'tap';
import { Mp4Reader } from '../../daemon/record/mp4-reader.ts';
import { OggReader } from '../../daemon/record/ogg-reader.ts';
import { type Part, type PartReader, PartSplitter } from '../../daemon/record/part-splitter.ts';
import { WebmReader } from '../../daemon/record/webm-reader.ts';

type Expected = [bytes: Buffer[], time: number | undefined][];

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
};

function box(type: string, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([u32(content.length + 8), Buffer.from(type), content]);
}

const track = (id: number, timescale: number, version: 0 | 1): Buffer => {
  const flags = u32(version << 24);
  const times = Buffer.alloc(version === 1 ? 16 : 8);
  return box('trak', box('tkhd', flags, times, u32(id, 0)), box('mdia', box('mdhd', flags, times, u32(timescale, 0))));
};

const fragment = (id: number, tfdt: Buffer): Buffer[] => [
  box('moof', box('mfhd', u32(0, 1)), box('traf', box('tfhd', u32(0, id)), box('tfdt', tfdt))),
  box('mdat', Buffer.alloc(300, 7)),
];

const MP4: Expected = [
  [[box('ftyp', Buffer.from('iso5'))], undefined],
  [[box('moov', track(1, 15_000, 0), track(2, 48_000, 1))], undefined],
  [fragment(1, u32(0, 1500)), 100],
  [fragment(2, u32(1 << 24, 1, 0)), (2 ** 32 / 48_000) * 1000],
  [fragment(3, u32(0, 1)), undefined],
];

/** EBML; without content its size is not known. */
const element = (id: number[], content: Buffer | undefined): Buffer => {
  if (content === undefined) return Buffer.from([...id, 0x01, 255, 255, 255, 255, 255, 255, 255]);
  const size = content.length < 127 ? [0x80 | content.length] : [0x40 | (content.length >> 8), content.length & 255];
  return Buffer.concat([Buffer.from([...id, ...size]), content]);
};
const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];
const BLOCK = element([0xa3], Buffer.alloc(200, 5));
const INFO = element([0x15, 0x49, 0xa9, 0x66], Buffer.from('info'));

const WEBM: Expected = [
  [[element([0x1a, 0x45, 0xdf, 0xa3], Buffer.from('webm'))], undefined],
  [[element([0x18, 0x53, 0x80, 0x67], undefined)], undefined],
  [[INFO], undefined],
  [[element(CLUSTER, undefined), element([0xe7], Buffer.from([0x01, 0x02]))], 258],
  [[BLOCK], undefined],
  [[element(CLUSTER, Buffer.alloc(3)).subarray(0, 5), element([0xe7], Buffer.from([9]))], 9],
  [[BLOCK], undefined],
];

function page(granule: bigint, sizes: number[]): Buffer {
  const head = Buffer.alloc(27);
  head.write('OggS');
  head.writeBigInt64LE(granule, 6);
  head[26] = sizes.length;
  return Buffer.concat([
    head,
    Buffer.from(sizes),
    Buffer.alloc(
      sizes.reduce((sum, size) => sum + size, 0),
      3,
    ),
  ]);
}

const OGG: Expected = [
  [[page(0n, [19])], 0],
  [[page(9600n, [255, 255, 10])], 0],
  [[page(-1n, [255])], 200],
  [[page(19_200n, [1, 0, 1])], 200],
  [[page(19_200n, [])], 400],
];

const CONTAINERS: Record<string, [make: () => PartReader, parts: Expected]> = {
  MP4: [() => new Mp4Reader(), MP4],
  WebM: [() => new WebmReader(), WEBM],
  Ogg: [() => new OggReader(), OGG],
};

for (const [name, [make, expected]] of Object.entries(CONTAINERS)) {
  test(`${name} is cut at the same places however it comes`, async (t) => {
    const all = Buffer.concat(expected.flatMap(([bytes]) => bytes));
    for (const step of [1, 2, 7, 64, 333, all.length]) {
      const splitter = new PartSplitter(make());
      const parts: Part[] = [];
      for (let at = 0; at < all.length; at += step) parts.push(...splitter.push(all.subarray(at, at + step)));
      t.same(
        parts.map(({ bytes, time }) => [bytes.length, time]),
        expected.map(([bytes, time]) => [Buffer.concat(bytes).length, time]),
        `in pieces of ${step}`,
      );
      t.ok(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(all));
    }
  });
}

test('a track of MP4 that begins later does so in its fragments', async (t) => {
  const reader = new Mp4Reader();
  reader.trackBegins(1, 12.5);
  const splitter = new PartSplitter(reader);
  const parts = splitter.push(Buffer.concat(MP4.flatMap(([bytes]) => bytes)));
  t.same(
    parts.map(({ time }) => time),
    [undefined, undefined, 100, (2 ** 32 / 48_000) * 1000 + 12.5, undefined],
  );
  const { bytes = Buffer.alloc(0) } = parts[3] ?? {};
  t.equal(bytes.readBigUInt64BE(bytes.indexOf('tfdt') + 8), 2n ** 32n + 600n, 'in the bytes');
});

test('what is no such container does not hang', async (t) => {
  for (const [make] of Object.values(CONTAINERS)) {
    const splitter = new PartSplitter(make());
    t.doesNotThrow(() => splitter.push(Buffer.alloc(5000)));
    t.doesNotThrow(() => splitter.push(Buffer.alloc(5000, 255)));
  }
});

test('the duration is written into the head of a WebM file', async (t) => {
  const reader = new WebmReader();
  t.equal(reader.withDuration(BLOCK, 1500), BLOCK);
  const patched = reader.withDuration(INFO, 1500);
  t.equal(reader.measure(patched), patched.length, 'one element');
  t.equal(patched.subarray(6, 10).toString(), 'info');
  t.equal(patched.readUInt16BE(10), 0x4489);
  t.equal(patched.readDoubleBE(14), 1500);
});
