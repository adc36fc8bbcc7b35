import { test } from 'tap';
import {
  FLV_TAG,
  MediaGate,
  type MessageLayout,
  makeTimeless,
  RTMP_MESSAGE,
} from '../../../daemon/publish/rtmp/media-gate.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const FULL = 9 * 1024 * 1024;

function message(layout: MessageLayout, type: number, ...data: number[]): Buffer {
  const bytes = Buffer.alloc(layout === FLV_TAG ? 11 : 12);
  bytes[layout.type] = type;
  return Buffer.concat([bytes, Buffer.from(data)]);
}

for (const [name, layout] of [
  ['RTMP', RTMP_MESSAGE],
  ['FLV', FLV_TAG],
] as const) {
  const key = message(layout, 9, 0x17, 1);
  const inter = message(layout, 9, 0x27, 1);
  const configuration = message(layout, 9, 0x17, 0);
  const sound = message(layout, 8, 0xaf, 1);
  const metadata = message(layout, 18, 2);

  test(`${name}: begins with a key frame`, async (t) => {
    const gate = new MediaGate(layout, new ManualClock());
    t.equal(gate.admits(inter, 0), false);
    t.equal(gate.admits(configuration, 0), true);
    t.equal(gate.admits(metadata, 0), true);
    t.equal(gate.admits(sound, 0), true);
    t.equal(gate.admits(key, 0), true);
    t.equal(gate.admits(inter, 0), true);
  });

  test(`${name}: a full queue costs whole pictures up to the next key frame`, async (t) => {
    const gate = new MediaGate(layout, new ManualClock());
    gate.admits(key, 0);
    t.equal(gate.admits(inter, FULL), false);
    t.equal(gate.admits(sound, FULL), false);
    t.equal(gate.admits(configuration, FULL), true, 'the configuration is never dropped');
    t.equal(gate.admits(inter, 0), false);
    t.equal(gate.admits(key, 0), true);
    t.equal(gate.admits(sound, 0), true);
  });

  test(`${name}: a queue that stays full makes the viewer stuck`, async (t) => {
    const clock = new ManualClock();
    const gate = new MediaGate(layout, clock);
    gate.admits(key, FULL);
    clock.advance(9000);
    gate.admits(key, FULL);
    t.equal(gate.stuck, false);
    clock.advance(2000);
    t.equal(gate.stuck, true);
    gate.admits(key, 0);
    t.equal(gate.stuck, false);
  });
}

test('RTMP: the data of a message with extended timestamp lies further on', async (t) => {
  const gate = new MediaGate(RTMP_MESSAGE, new ManualClock());
  const bytes = Buffer.concat([message(RTMP_MESSAGE, 9), Buffer.from([1, 0, 0, 0, 0x17, 1])]);
  bytes.fill(0xff, 1, 4);
  t.equal(gate.admits(bytes, 0), true);
});

test('metadata has no time of its own, other messages keep theirs', async (t) => {
  for (const layout of [FLV_TAG, RTMP_MESSAGE]) {
    const [from, to] = layout.time;
    for (const [type, left] of [
      [18, 0],
      [9, 0xaa],
    ] as const) {
      const bytes = message(layout, type, 2, 0xbb);
      bytes.fill(0xaa, from, to);
      makeTimeless(bytes, layout);
      t.ok(
        bytes.subarray(from, to).every((byte) => byte === left),
        `type ${type}`,
      );
      t.equal(bytes.at(-1), 0xbb);
    }
  }
});
