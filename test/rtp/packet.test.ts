import { test } from 'tap';
import {
  hasArrived,
  isRtp,
  marker,
  ntpExtension,
  onvifDiscontinuity,
  onvifWallClock,
  payloadOffset,
  payloadType,
  sequenceDistance,
  sequenceNumber,
  ssrc,
  timestamp,
  timestampDistance,
} from '../../daemon/rtp/packet.ts';
import { type RtpFields, rtpPacket } from '../support/rtp-packets.ts';
import { SeededRandom } from '../support/seeded-random.ts';

test('fields of a packet', async (t) => {
  const cases: [string, RtpFields, number][] = [
    ['bare header', { payload: Buffer.alloc(0) }, 12],
    ['plain', { sequence: 0xffff, timestamp: 0xffffffff, ssrc: 0xfffffffe, payloadType: 127, marker: true }, 12],
    ['CSRC list', { csrcs: [1, 2, 3], sequence: 7, payloadType: 0 }, 24],
    ['15 CSRCs', { csrcs: Array.from({ length: 15 }, (_, i) => i) }, 72],
    ['empty extension', { extension: { profile: 0xbede, body: Buffer.alloc(0) } }, 16],
    ['extension', { extension: { profile: 0xbede, body: Buffer.alloc(8) } }, 24],
    ['wall clock', { wall: 1_700_000_000_000 }, 28],
    ['CSRC and extension', { csrcs: [9], wall: 1_700_000_000_000 }, 32],
    ['padding', { padding: 4 }, 12],
  ];
  for (const [name, fields, offset] of cases) {
    const packet = rtpPacket(fields);
    t.ok(isRtp(packet), name);
    t.equal(payloadOffset(packet), offset, `${name}: payload`);
    t.equal(payloadType(packet), fields.payloadType ?? 96, `${name}: type`);
    t.equal(marker(packet), fields.marker ?? false, `${name}: marker`);
    t.equal(sequenceNumber(packet), fields.sequence ?? 0, `${name}: sequence`);
    t.equal(timestamp(packet), fields.timestamp ?? 0, `${name}: timestamp`);
    t.equal(ssrc(packet), fields.ssrc ?? 0x01020304, `${name}: SSRC`);
  }
});

test('what is not a packet', async (t) => {
  const withExtension = rtpPacket({ extension: { profile: 0xbede, body: Buffer.alloc(8) }, payload: Buffer.alloc(0) });
  const cases: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from([0x80])],
    ['11 bytes', rtpPacket().subarray(0, 11)],
    ['version 0', Buffer.alloc(12)],
    ['version 1', Buffer.concat([Buffer.from([0x40]), Buffer.alloc(11)])],
    ['version 3', Buffer.concat([Buffer.from([0xc0]), Buffer.alloc(11)])],
    ['CSRC list cut off', rtpPacket({ csrcs: [1, 2], payload: Buffer.alloc(0) }).subarray(0, 19)],
    ['extension header cut off', withExtension.subarray(0, 15)],
    ['extension body cut off', withExtension.subarray(0, 23)],
  ];
  for (const [name, packet] of cases) t.notOk(isRtp(packet), name);
  t.ok(isRtp(withExtension), 'the whole of the last one is a packet');
});

test('the wall clock of the ONVIF extension', async (t) => {
  const times = [
    0,
    1,
    1_700_000_000_123.25,
    Date.UTC(2036, 1, 7, 6, 28, 15, 999), // the last second of NTP era 0
    Date.UTC(2036, 1, 7, 6, 28, 16, 1), // era 1
    Date.UTC(2099, 11, 31),
  ];
  for (const time of times) {
    const read = onvifWallClock(rtpPacket({ wall: time }));
    t.ok(read !== undefined && Math.abs(read - time) < 0.001, `${time} is read as ${read}`);
    t.equal(onvifWallClock(rtpPacket({ wall: time, csrcs: [1, 2] })), read, 'the same behind a CSRC list');
  }
  const none: [string, Buffer][] = [
    ['no extension', rtpPacket()],
    ['another profile', rtpPacket({ extension: { profile: 0xbede, body: Buffer.alloc(12, 0xff) } })],
    ['too short a body, payload behind', rtpPacket({ extension: { profile: 0xabac, body: Buffer.alloc(4) } })],
    [
      'no body, much payload',
      rtpPacket({ extension: { profile: 0xabac, body: Buffer.alloc(0) }, payload: Buffer.alloc(99) }),
    ],
    ['cut off', rtpPacket({ wall: 1e12 }).subarray(0, 20)],
  ];
  for (const [name, packet] of none) {
    t.equal(onvifWallClock(packet), undefined, name);
    t.equal(onvifDiscontinuity(packet), false, name);
    t.equal(hasArrived(packet), false, name);
  }
  t.equal(onvifDiscontinuity(rtpPacket({ wall: 1e12 })), false);
  t.equal(onvifDiscontinuity(rtpPacket({ wall: 1e12, discontinuity: true, csrcs: [1] })), true);
  const short = { extension: { profile: 0xabac, body: Buffer.alloc(8, 0xff) }, payload: Buffer.alloc(9, 0xff) };
  t.equal(onvifDiscontinuity(rtpPacket(short)), false, 'without the byte of the bits');
  t.equal(hasArrived(rtpPacket(short)), false, 'without the byte of the number');
  t.equal(hasArrived(rtpPacket({ wall: 1e12, discontinuity: true })), false);
  t.equal(hasArrived(rtpPacket({ wall: 1e12, cseq: 1, csrcs: [1] })), true);
});

test('the NTP time of a one-byte extension', async (t) => {
  const element = (header: number, time: bigint): Buffer => {
    const body = Buffer.alloc(12);
    body[0] = header;
    body.writeBigUInt64BE(time, 1);
    return body;
  };
  const half = (1n << 32n) * 2_208_988_801n + (1n << 31n);
  for (const [name, fields, expected] of [
    ['Unix 1.5 s', { extension: { profile: 0xbede, body: element(0x17, half) } }, 1500],
    ['not known', { extension: { profile: 0xbede, body: element(0x17, 0n) } }, Number.NaN],
    ['another element', { extension: { profile: 0xbede, body: element(0x27, half) } }, undefined],
    ['another profile', { extension: { profile: 0x1000, body: element(0x17, half) } }, undefined],
    [
      'too short',
      { extension: { profile: 0xbede, body: element(0x17, half).subarray(0, 8) }, payload: Buffer.alloc(0) },
      undefined,
    ],
    ['none', {}, undefined],
  ] as const)
    t.ok(Object.is(ntpExtension(rtpPacket(fields)), expected), name);
});

test('distances go the short way round', async (t) => {
  t.equal(sequenceDistance(0, 0xffff), 1);
  t.equal(sequenceDistance(0xffff, 0), -1);
  t.equal(sequenceDistance(5, 5), 0);
  t.equal(sequenceDistance(0x7fff, 0), 0x7fff);
  t.equal(timestampDistance(0, 0xffffffff), 1);
  t.equal(timestampDistance(0xffffffff, 0), -1);
  t.equal(timestampDistance(0x7fffffff, 0), 0x7fffffff);
});

test('random bytes never make a reader throw once isRtp() has let them in', async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const packet = random.bytes(random.integer(0, 64));
    if (packet.length > 0) packet[0] = 0x80 | ((packet[0] as number) & 0x3f);
    if (!isRtp(packet)) continue;
    accepted += 1;
    if (payloadOffset(packet) > packet.length) t.fail(`payload past the end: ${packet.toString('hex')}`);
    onvifWallClock(packet);
    ntpExtension(packet);
    sequenceNumber(packet);
    timestamp(packet);
    ssrc(packet);
  }
  t.ok(accepted > 1000, `${accepted} of them were packets`);
});
