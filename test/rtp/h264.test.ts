import { test } from 'tap';
import { h264FormatParameters, summarizeH264 } from '../../daemon/rtp/h264.ts';
import { rtpPacket } from '../support/rtp-packets.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SPS = Buffer.from('6742c01e95a0280f64', 'hex');
const PPS = Buffer.from('68ce3c80', 'hex');

const nal = (type: number, ...rest: number[]): Buffer => Buffer.from([0x60 | type, ...rest]);
const fu = (indicator: number, header: number): Buffer => Buffer.from([0x60 | indicator, header, 1, 2]);
function stapA(...units: Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from([0x78])];
  for (const unit of units) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(unit.length);
    parts.push(length, unit);
  }
  return Buffer.concat(parts);
}

test('what a payload tells of its access unit', async (t) => {
  const whole = stapA(SPS, PPS, nal(5, 1, 2));
  const cases: [string, Buffer, { picture: boolean; keyFrame: boolean; sps?: Buffer; pps?: Buffer }][] = [
    ['empty', Buffer.alloc(0), { picture: false, keyFrame: false }],
    ['slice', nal(1, 9), { picture: true, keyFrame: false }],
    ['IDR slice', nal(5, 9), { picture: true, keyFrame: true }],
    ['SPS', SPS, { picture: false, keyFrame: false, sps: SPS }],
    ['PPS', PPS, { picture: false, keyFrame: false, pps: PPS }],
    ['SPS too short for profile and level', SPS.subarray(0, 3), { picture: false, keyFrame: false }],
    ['SEI', nal(6, 1), { picture: false, keyFrame: false }],
    ['delimiter', nal(9, 0xf0), { picture: false, keyFrame: false }],
    ['STAP-A of parameter sets', stapA(SPS, PPS), { picture: false, keyFrame: false, sps: SPS, pps: PPS }],
    ['STAP-A of all', whole, { picture: true, keyFrame: true, sps: SPS, pps: PPS }],
    ['STAP-A with an empty unit', stapA(Buffer.alloc(0), nal(5, 1)), { picture: true, keyFrame: true }],
    ['STAP-A ending in an empty unit', stapA(nal(1, 1), Buffer.alloc(0)), { picture: true, keyFrame: false }],
    [
      'STAP-A whose last unit is cut off',
      whole.subarray(0, -1),
      { picture: false, keyFrame: false, sps: SPS, pps: PPS },
    ],
    [
      'STAP-A cut off in a length',
      stapA(SPS, PPS).subarray(0, 1 + 2 + SPS.length + 1),
      { picture: false, keyFrame: false, sps: SPS },
    ],
    ['STAP-A without a unit', Buffer.from([0x78]), { picture: false, keyFrame: false }],
    ['STAP-A of one length of 65535', Buffer.from([0x78, 0xff, 0xff, 0x65]), { picture: false, keyFrame: false }],
    ['FU-A start of an IDR slice', fu(28, 0x85), { picture: true, keyFrame: true }],
    ['FU-A middle of an IDR slice', fu(28, 0x05), { picture: true, keyFrame: true }],
    ['FU-A end of an IDR slice', fu(28, 0x45), { picture: true, keyFrame: true }],
    ['FU-A of a slice', fu(28, 0x81), { picture: true, keyFrame: false }],
    ['FU-A of an SPS: a fragment is no parameter set', fu(28, 0x87), { picture: false, keyFrame: false }],
    ['FU-A without its header', Buffer.from([0x7c]), { picture: false, keyFrame: false }],
    ['FU-B is not in packetization mode 1', fu(29, 0x85), { picture: false, keyFrame: false }],
  ];
  for (const [name, payload, expected] of cases) {
    t.match(summarizeH264(rtpPacket({ payload })), expected, name);
    t.match(summarizeH264(rtpPacket({ payload, wall: 1e12, csrcs: [1] })), expected, `${name}, behind an extension`);
  }
});

test('slices that begin in a packet', async (t) => {
  for (const [name, payload, slices, begins] of [
    ['parameter sets', stapA(SPS, PPS), undefined, undefined],
    ['the first of a picture', nal(5, 0x88), 1, true],
    ['another', nal(5, 0x48), 1, undefined],
    ['both', stapA(SPS, PPS, nal(1, 0x9a), nal(1, 0x2a)), 2, true],
    ['the beginning of a fragmented one', Buffer.from([0x7c, 0x85, 0x88]), 1, true],
    ['the beginning of another', Buffer.from([0x7c, 0x85, 0x48]), 1, undefined],
    ['its middle', Buffer.from([0x7c, 0x05, 0x88]), undefined, undefined],
    ['cut off', Buffer.from([0x7c, 0x85]), undefined, undefined],
  ] as const) {
    const summary = summarizeH264(rtpPacket({ payload }));
    t.same([summary.slices, summary.begins], [slices, begins], name);
  }
});

test('random payloads', async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  for (let i = 0; i < 20_000; i++) {
    const payload = random.bytes(random.integer(0, 40));
    if (payload.length > 0 && i % 2 === 0) payload[0] = 24;
    const { sps, pps } = summarizeH264(rtpPacket({ payload }));
    for (const unit of [sps, pps])
      if (unit !== undefined && unit.length > payload.length) t.fail(payload.toString('hex'));
  }
  t.pass('none threw');
});

test('format parameters', async (t) => {
  t.equal(
    h264FormatParameters({ sps: SPS, pps: PPS }),
    'packetization-mode=1;profile-level-id=42C01E;sprop-parameter-sets=Z0LAHpWgKA9k,aM48gA==',
  );
});
