import { test } from 'tap';
import { h265FormatParameters, summarizeH265 } from '../../daemon/rtp/h265.ts';
import { rtpPacket } from '../support/rtp-packets.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** As x265 writes them for main profile, level 3.1. */
const VPS = Buffer.from('40010c01ffff01600000030090000003000003005d959809', 'hex');
const SPS = Buffer.from('42010101600000030090000003000003005da00280802d165959a4932b9a020000030002000003003c10', 'hex');
const PPS = Buffer.from('4401c172b46240', 'hex');

const nal = (type: number, ...rest: number[]): Buffer => Buffer.from([type << 1, 1, ...rest]);
const fragment = (header: number): Buffer => nal(49, header, 1, 2);
function aggregate(...units: Buffer[]): Buffer {
  const parts: Buffer[] = [nal(48)];
  for (const unit of units) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(unit.length);
    parts.push(length, unit);
  }
  return Buffer.concat(parts);
}

test('what a payload tells of its access unit (RFC 7798, 4.4)', async (t) => {
  const nothing = { picture: false, keyFrame: false };
  const slice = { picture: true, keyFrame: false };
  const key = { picture: true, keyFrame: true };
  const whole = aggregate(VPS, SPS, PPS, nal(19, 1, 2));
  const cases: [string, Buffer, object][] = [
    ['empty', Buffer.alloc(0), nothing],
    ['half a header', Buffer.from([0x26]), nothing],
    ['TRAIL_R', nal(1, 9), slice],
    ['RASL_R: it does not begin anything', nal(9, 9), slice],
    ['BLA', nal(16, 9), key],
    ['IDR_W_RADL', nal(19, 9), key],
    ['IDR_N_LP', nal(20, 9), key],
    ['CRA', nal(21, 9), key],
    ['reserved IRAP', nal(22, 9), slice],
    ['VPS', VPS, { ...nothing, vps: VPS }],
    ['SPS', SPS, { ...nothing, sps: SPS }],
    ['SPS too short for profile and level', SPS.subarray(0, 14), nothing],
    ['PPS', PPS, { ...nothing, pps: PPS }],
    ['delimiter', nal(35, 0x50), nothing],
    ['SEI', nal(39, 1), nothing],
    ['all in one', whole, { ...key, vps: VPS, sps: SPS, pps: PPS }],
    ['the last unit is cut off', whole.subarray(0, -1), { ...nothing, vps: VPS, sps: SPS, pps: PPS }],
    ['a length of 65535', Buffer.from([0x60, 1, 0xff, 0xff, 0x26]), nothing],
    ['an empty unit', aggregate(Buffer.alloc(0), nal(1, 1)), slice],
    ['start of an IDR slice', fragment(0x80 | 19), key],
    ['middle of an IDR slice', fragment(19), key],
    ['end of a slice', fragment(0x40 | 1), slice],
    ['a fragment of an SPS is no parameter set', fragment(0x80 | 33), nothing],
    ['a fragment without its header', nal(49), nothing],
  ];
  for (const [name, payload, expected] of cases) {
    t.match(summarizeH265(rtpPacket({ payload })), expected, name);
    t.match(summarizeH265(rtpPacket({ payload, wall: 1e12, csrcs: [1] })), expected, `${name}, behind an extension`);
  }
});

test('slices that begin in a packet', async (t) => {
  for (const [name, payload, slices, begins] of [
    ['parameter sets', aggregate(VPS, SPS, PPS), undefined, undefined],
    ['the first of a picture', nal(19, 0x88), 1, true],
    ['another', nal(19, 0x48), 1, undefined],
    ['both', aggregate(VPS, SPS, PPS, nal(1, 0x9a), nal(1, 0x2a)), 2, true],
    ['the beginning of a fragmented one', nal(49, 0x80 | 19, 0x88), 1, true],
    ['its middle', nal(49, 19, 0x88), undefined, undefined],
    ['cut off', nal(49, 0x80 | 19), undefined, undefined],
  ] as const) {
    const summary = summarizeH265(rtpPacket({ payload }));
    t.same([summary.slices, summary.begins], [slices, begins], name);
  }
});

test('random payloads', async (t) => {
  const random = new SeededRandom();
  for (let i = 0; i < 20_000; i++) {
    const payload = random.bytes(random.integer(0, 40));
    if (payload.length > 0 && i % 2 === 0) payload[0] = 48 << 1;
    const { vps, sps, pps } = summarizeH265(rtpPacket({ payload }));
    for (const unit of [vps, sps, pps])
      if (unit !== undefined && unit.length > payload.length) t.fail(`SEED=${random.seed} ${payload.toString('hex')}`);
  }
  t.pass('none threw');
});

test('format parameters: the level stands behind emulation prevention', async (t) => {
  t.equal(
    h265FormatParameters({ vps: VPS, sps: SPS, pps: PPS }),
    `profile-space=0;profile-id=1;tier-flag=0;level-id=93;sprop-vps=${VPS.toString('base64')};sprop-sps=${SPS.toString('base64')};sprop-pps=${PPS.toString('base64')}`,
  );
});
