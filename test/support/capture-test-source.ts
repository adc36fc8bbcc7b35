import type { EncodingSettings } from '../../config/settings.ts';
import { CaptureSource, type CaptureSourceOptions } from '../../daemon/capture/capture-source.ts';
import { testDevice } from '../../daemon/capture/device.ts';
import { MediaClock } from '../../daemon/lib/clock.ts';
import { silentLog } from '../../daemon/lib/log.ts';

export const ENCODING: EncodingSettings = {
  rid: 'main',
  maxBitrate: 500_000,
  maxFramerate: undefined,
  scaleResolutionDownBy: 1,
  keyFrameInterval: 10,
};

/** A capture source over the test picture or tone, small enough for a loaded machine. */
export function captureTestSource(kind: 'video' | 'audio', options: Partial<CaptureSourceOptions> = {}): CaptureSource {
  return new CaptureSource({
    kind,
    device: testDevice(kind),
    wish: kind === 'video' ? { width: 320, height: 240, frameRate: 15 } : { channelCount: 2 },
    encoding: ENCODING,
    encoders: { choose: async () => 'x264enc', distrust: () => undefined },
    clock: new MediaClock(),
    cname: 'test',
    log: silentLog,
    text: 'A & B <ü>',
    idleTimeout: 100,
    ...options,
  });
}
