import { test } from 'tap';
import { summarizeVp8 } from '../../daemon/rtp/vp8.ts';
import { rtpPacket } from '../support/rtp-packets.ts';
import { SeededRandom } from '../support/seeded-random.ts';

test('what a payload tells of its frame (RFC 7741, 4.2)', async (t) => {
  const nothing = { picture: false, keyFrame: false };
  const inter = { picture: true, keyFrame: false };
  const key = { picture: true, keyFrame: true };
  const cases: [string, number[], object][] = [
    ['empty', [], nothing],
    ['descriptor alone', [0x10], nothing],
    ['key frame begins', [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a], key],
    ['inter frame begins', [0x10, 0x31], inter],
    ['key frame goes on: its first byte is not the header', [0x00, 0x10], inter],
    ['another partition begins', [0x11, 0x10], inter],
    ['non-reference frame', [0x30, 0x11], inter],
    ['extended, nothing behind it', [0x90, 0x00], nothing],
    ['extended, no fields', [0x90, 0x00, 0x10], key],
    ['picture ID of 7 bits', [0x90, 0x80, 0x12, 0x10], key],
    ['picture ID of 15 bits', [0x90, 0x80, 0x81, 0x11, 0x10], key],
    ['picture ID of 15 bits, inter frame', [0x90, 0x80, 0x81, 0x10, 0x11], inter],
    ['all fields', [0x90, 0xf0, 0x81, 0x11, 0x07, 0x21, 0x10], key],
    ['TL0PICIDX and KEYIDX', [0x90, 0x50, 0x07, 0x01, 0x10], key],
    ['all fields, cut off', [0x90, 0xf0, 0x81, 0x11, 0x07, 0x21], nothing],
  ];
  for (const [name, bytes, expected] of cases) {
    const payload = Buffer.from(bytes);
    t.same(summarizeVp8(rtpPacket({ payload })), expected, name);
    t.same(summarizeVp8(rtpPacket({ payload, wall: 1e12, csrcs: [1] })), expected, `${name}, behind an extension`);
  }
});

test('random payloads', async (t) => {
  const random = new SeededRandom();
  for (let i = 0; i < 10_000; i++) summarizeVp8(rtpPacket({ payload: random.bytes(random.integer(0, 8)) }));
  t.pass(`SEED=${random.seed}: none threw`);
});
