import { test } from 'tap';
import { captureTest, collect, ENCODING, until } from '../support/capture-test-source.ts';

test('key-frame interval: as configured, and another one live', async (t) => {
  for (const codec of ['h264', 'vp8'] as const) {
    const encoding = { ...ENCODING, codec, keyFrameInterval: 60 };
    const { source, track } = captureTest('video', { encoding });
    t.teardown(() => source.close());
    const frames = collect(track);
    track.retain();
    await until(() => frames.length >= 45);
    const pid = source.pid;
    t.equal(track.rtp.stats.keyFrames, 1, `${codec}: none but the first in three seconds`);
    // From beyond what the encoder would do by itself to below it takes another life, from there on none does.
    await track.configure({ ...track.configuration, encoding: { ...encoding, keyFrameInterval: 8 } });
    t.not(source.pid, pid);
    const second = source.pid;
    const mark = frames.length;
    await until(() => frames.length >= mark + 15);
    const keys = (): number[] => frames.filter(({ keyFrame }) => keyFrame).map(({ captureTime }) => captureTime);
    const before = keys().length;
    await track.configure({ ...track.configuration, encoding: { ...encoding, keyFrameInterval: 0.5 } });
    await until(() => keys().length >= before + 4);
    const gaps = keys()
      .slice(-3)
      .map((time, i, all) => time - (all[i - 1] ?? time))
      .slice(1);
    t.ok(
      gaps.every((gap) => gap > 350 && gap < 2000),
      `${codec}: ${gaps.map(Math.round).join(', ')} ms between key frames`,
    );
    t.equal(source.pid, second);
    await source.close();
  }
});
