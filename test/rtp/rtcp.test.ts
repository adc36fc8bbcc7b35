import { test } from 'tap';
import { type Feedback, readFeedback, writeBye, writeSenderReport } from '../../daemon/rtp/rtcp.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** An RTCP packet by hand: count or format, type, body in 32-bit words. */
function rtcp(count: number, type: number, ...words: number[]): Buffer {
  const packet = Buffer.alloc(4 + 4 * words.length);
  packet[0] = 0x80 | count;
  packet[1] = type;
  packet.writeUInt16BE(words.length, 2);
  for (const [i, word] of words.entries()) packet.writeUInt32BE(word >>> 0, 4 + 4 * i);
  return packet;
}

const block = [0xaabbccdd, 0x40ffffff, 0x0001ffff, 1234, 0x11223344, 65_536] as const;
const report: Feedback = {
  type: 'report',
  ssrc: 0xaabbccdd,
  fractionLost: 0.25,
  packetsLost: -1,
  highestSequence: 0x0001ffff,
  jitter: 1234,
  lastSenderReport: 0x11223344,
  delaySinceLastSenderReport: 65_536,
};

test('a sender report, byte for byte', async (t) => {
  const bytes = writeSenderReport({
    ssrc: 0x01020304,
    wallClock: 1000.5,
    rtpTime: 0xfffffff0,
    packetCount: 2 ** 32 + 5,
    octetCount: 2 ** 33 + 6,
    cname: 'cam@host',
  });
  t.equal(
    bytes.toString('hex'),
    // SR: NTP seconds 2208988801, fraction 0.0005; counts modulo 2^32
    `80c80006${'01020304'}83aa7e81${'0020c49b'}fffffff000000005${'00000006'}` +
      // SDES: one chunk, CNAME of 8 bytes, a null and the fill to a whole word
      `81ca0004${'01020304'}0108${Buffer.from('cam@host').toString('hex')}0000`,
  );
});

test('the SDES chunk ends with a null and fills whole words, whatever the name', async (t) => {
  for (let length = 0; length <= 300; length++) {
    const bytes = writeSenderReport({
      ssrc: 1,
      wallClock: Date.now(),
      rtpTime: 0,
      packetCount: 0,
      octetCount: 0,
      cname: 'n'.repeat(length),
    });
    const kept = Math.min(length, 255);
    t.equal(bytes.length, 28 + 4 + bytes.readUInt16BE(30) * 4, `length field for ${length}`);
    t.equal(bytes[37], kept);
    const tail = bytes.subarray(38 + kept);
    if (tail.length < 1 || tail.length > 4 || tail.some((byte) => byte !== 0)) t.fail(`ending for ${length}`);
  }
});

test('NTP time in a report is exact to a microsecond, after 2036 too', async (t) => {
  for (const wallClock of [0, 1.25, 1_789_123_456_789.125, Date.UTC(2036, 1, 7, 6, 28, 17), Date.UTC(2080, 5, 1)]) {
    const bytes = writeSenderReport({ ssrc: 1, wallClock, rtpTime: 0, packetCount: 0, octetCount: 0, cname: 'x' });
    const seconds = (bytes.readUInt32BE(8) + 2 ** 32 - 2_208_988_800) % 2 ** 32;
    const read = seconds * 1000 + (bytes.readUInt32BE(12) * 1000) / 2 ** 32;
    t.ok(Math.abs(read - wallClock) < 0.001, `${wallClock}`);
  }
});

test('what a viewer tells', async (t) => {
  const empty = rtcp(0, 201, 7);
  const cases: [string, Buffer, Feedback[]][] = [
    ['nothing', Buffer.alloc(0), []],
    ['receiver report without blocks', empty, []],
    ['receiver report', rtcp(1, 201, 7, ...block), [report]],
    ['two blocks', rtcp(2, 201, 7, ...block, ...block), [report, report]],
    ['sender report with a block', rtcp(1, 200, 7, 0, 0, 0, 0, 0, ...block), [report]],
    ['count above what is there', rtcp(9, 201, 7, ...block), [report]],
    ['block cut off', rtcp(1, 201, 7, ...block.slice(0, 5)), []],
    ['profile-specific extension behind the block', rtcp(1, 201, 7, ...block, 1, 2), [report]],
    [
      'BYE',
      rtcp(2, 203, 7, 8),
      [
        { type: 'bye', ssrc: 7 },
        { type: 'bye', ssrc: 8 },
      ],
    ],
    ['BYE without sources', Buffer.concat([rtcp(0, 203), empty]), []],
    ['our own BYE', writeBye(0xfedcba98), [{ type: 'bye', ssrc: 0xfedcba98 }]],
    ['PLI', rtcp(1, 206, 7, 8), [{ type: 'key-frame', ssrc: 8 }]],
    ['PLI cut off', rtcp(1, 206, 7), []],
    [
      'FIR for two',
      rtcp(4, 206, 7, 0, 8, 1 << 24, 9, 2 << 24),
      [
        { type: 'key-frame', ssrc: 8 },
        { type: 'key-frame', ssrc: 9 },
      ],
    ],
    ['FIR without entry', rtcp(4, 206, 7, 0), []],
    ['REMB is not for us', rtcp(15, 206, 7, 0, 0x52454d42, 0), []],
    ['NACK', rtcp(1, 205, 7, 8, 0xffff_8001), [{ type: 'nack', ssrc: 8, sequenceNumbers: [0xffff, 0, 15] }]],
    ['NACK without entry', rtcp(1, 205, 7, 8), [{ type: 'nack', ssrc: 8, sequenceNumbers: [] }]],
    ['transport-wide feedback is not for us', rtcp(15, 205, 7, 8, 1), []],
    ['unknown type', rtcp(1, 210, 7, 8), []],
    ['SDES', rtcp(1, 202, 7, 0x01020304), []],
    [
      'compound',
      Buffer.concat([rtcp(1, 201, 7, ...block), rtcp(1, 206, 7, 8)]),
      [report, { type: 'key-frame', ssrc: 8 }],
    ],
    ['what comes before a broken one', Buffer.concat([rtcp(1, 201, 7, ...block), Buffer.from('80cf')]), [report]],
    ['length past the end', Buffer.concat([rtcp(1, 201, 7, ...block), rtcp(1, 206, 7, 8).subarray(0, 8)]), [report]],
    ['another version ends it', Buffer.concat([Buffer.from('01ce000200000007', 'hex'), rtcp(1, 206, 7, 8)]), []],
  ];
  for (const [name, bytes, expected] of cases) t.same(readFeedback(bytes), expected, name);
});

test('padding is no content', async (t) => {
  const padded = rtcp(1, 205, 7, 8, 100 << 16, 4);
  padded[0] = 0xa1;
  t.same(readFeedback(padded), [{ type: 'nack', ssrc: 8, sequenceNumbers: [100] }]);
  padded[padded.length - 1] = 255;
  t.same(readFeedback(padded), [], 'padding beyond the packet leaves nothing of it');
});

test('random and mutated compounds', async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const whole = Buffer.concat([
    rtcp(1, 201, 7, ...block),
    rtcp(1, 205, 7, 8, 5),
    rtcp(4, 206, 7, 0, 8, 0),
    rtcp(1, 203, 7),
  ]);
  for (let i = 0; i < 20_000; i++) {
    const bytes = i % 2 === 0 ? random.bytes(random.integer(0, 80)) : Buffer.from(whole);
    for (let flips = random.integer(0, 4); flips > 0; flips--)
      if (bytes.length > 0) bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
    readFeedback(bytes.subarray(0, random.integer(0, bytes.length)));
  }
  t.pass('none threw');
});
