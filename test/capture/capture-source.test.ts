import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import type { CaptureSource } from '../../daemon/capture/capture-source.ts';
import { sequenceDistance, sequenceNumber, timestampDistance } from '../../daemon/rtp/packet.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { captureTestSource, ENCODING } from '../support/capture-test-source.ts';

function collect(source: CaptureSource): RtpFrame[] {
  const frames: RtpFrame[] = [];
  source.rtp.onFrame((frame) => frames.push(frame));
  return frames;
}

const live = (source: CaptureSource): Promise<void> => source.live(AbortSignal.timeout(20_000));

async function until(condition: () => boolean, milliseconds = 20_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${condition}`);
    await delay(10);
  }
}

test('on demand: idle, live while retained, idle again', async (t) => {
  const source = captureTestSource('video');
  t.teardown(() => source.close());
  const states: string[] = [];
  source.onStateChange(() => states.push(source.state));
  t.equal(source.state, 'idle');
  t.equal(source.muted, false);
  const frames = collect(source);
  const release = source.retain();
  await live(source);
  await until(() => frames.length > 15);
  t.equal(frames[0]?.keyFrame, true, 'the first frame is a key frame');
  t.match(await source.rtp.formatKnown(), /profile-level-id=42C0/, 'constrained baseline');
  t.same(source.settings(), {
    width: 320,
    height: 240,
    frameRate: 15,
    aspectRatio: 320 / 240,
    deviceId: 'test',
    groupId: 'test',
  });
  release();
  release();
  await until(() => source.state === 'idle');
  t.same(states, ['starting', 'live', 'idle']);
  const again = source.retain();
  await live(source);
  again();
  await source.close();
});
