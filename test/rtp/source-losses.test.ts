import { test } from 'tap';
import { MediaClock } from '../../daemon/lib/clock.ts';
import { H264 } from '../../daemon/rtp/codec.ts';
import { RtpStream } from '../../daemon/rtp/rtp-stream.ts';
import { rtpPacket } from '../support/rtp-packets.ts';

const SETS = Buffer.from('18000967 42c01e95a0280f64 0004 68ce3c80'.replaceAll(' ', ''), 'hex');
/** Slices of pictures: the first one of each, and another. */
const [KEY_1, KEY_2, DELTA_1, DELTA_2] = ['6588', '6544', '419a', '412a'].map((hex) => Buffer.from(hex, 'hex')) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
];
const KEY = [SETS, KEY_1, KEY_2];
const DELTA = [DELTA_1, DELTA_2];

/** What goes out of frames; `lost`: the source says that something is missing before the first packet. */
function outcome(frames: readonly (readonly [payloads: readonly Buffer[], lost?: 'lost'])[], lossy = true): string {
  const out: boolean[] = frames.map(() => false);
  const stream = new RtpStream({ codec: H264, clock: new MediaClock(), cname: 'test', lossy });
  let sending = 0;
  stream.onFrame(() => (out[sending] = true));
  let sequence = 0;
  for (const [index, [payloads, lost]] of frames.entries()) {
    sending = index;
    for (const [i, payload] of payloads.entries())
      stream.push(
        rtpPacket({
          payload,
          marker: i === payloads.length - 1,
          sequence: sequence++,
          timestamp: index * 3000,
          wall: Date.now(),
          discontinuity: lost !== undefined && i === 0,
        }),
      );
  }
  return out.map((sent) => (sent ? '+' : '-')).join('');
}

test('a source that loses something on its own way here', async (t) => {
  t.equal(outcome([[KEY, 'lost'], [DELTA], [DELTA]]), '+++', 'its beginning is marked, too');
  t.equal(outcome([[KEY], [DELTA], [DELTA, 'lost'], [DELTA], [KEY], [DELTA]]), '++--++', 'nothing before a key frame');
  t.equal(outcome([[KEY], [KEY, 'lost'], [DELTA]]), '+++', 'a key frame that is whole');
  t.equal(outcome([[KEY], [[SETS, KEY_1], 'lost'], [DELTA], [KEY], [DELTA]]), '+--++', 'its last slice is missing');
  t.equal(outcome([[KEY], [[KEY_2], 'lost'], [DELTA], [KEY]]), '+--+', 'its first slice is missing');
  t.equal(outcome([[[KEY_2], 'lost'], [DELTA], [KEY], [DELTA]]), '--++', 'the first frame of all');
  t.equal(outcome([[KEY], [DELTA, 'lost'], [[KEY_2]], [DELTA], [KEY]]), '+---+', 'from one into the next');
  t.equal(
    outcome([[KEY], [[SETS, KEY_1]], [[SETS, KEY_1], 'lost'], [DELTA]]),
    '++++',
    'as many slices as the newest has',
  );
  t.equal(outcome([[KEY], [DELTA, 'lost'], [DELTA]], false), '+++', 'of an encoder of ours the mark means nothing');
});

test('packets that tell of losses ahead of what the loss is in', async (t) => {
  const stream = new RtpStream({ codec: H264, clock: new MediaClock(), cname: 'test', lossy: true });
  let out = '';
  stream.onFrame(({ packets }) => (out += packets.length));
  let sequence = 0;
  // Their numbers and times are those of the camera.
  const arrives = (discontinuity = false): void =>
    stream.push(rtpPacket({ sequence: 4711 - sequence, timestamp: 7, wall: Date.now(), discontinuity, cseq: 1 }));
  const picture = (payloads: readonly Buffer[], timestamp: number): void => {
    for (const [i, payload] of payloads.entries())
      stream.push(
        rtpPacket({ payload, marker: i === payloads.length - 1, sequence: sequence++, timestamp, wall: Date.now() }),
      );
  };
  arrives(true);
  picture(KEY, 0);
  arrives();
  picture(DELTA, 3000);
  t.equal(out, '32', 'they go on to nobody');
  arrives(true);
  arrives();
  picture(DELTA, 6000);
  picture(DELTA, 9000);
  t.equal(out, '32', 'nothing before a key frame');
  picture(KEY, 12_000);
  picture(DELTA, 15_000);
  t.equal(out, '3232');
  t.equal(stream.stats.sources, 1);
});
