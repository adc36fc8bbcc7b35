import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { TrackConfiguration } from '../media/track-source.ts';
import { CaptureError } from './capture-error.ts';
import { type CaptureMode, chooseMode, wishOf } from './capture-mode.ts';
import type { CapturePlan } from './capture-plan.ts';
import { codecOf, codedOnly, networkCodec } from './coded-formats.ts';
import { type CodedInput, codedLaunch } from './coded-pipeline.ts';
import type { CaptureDevice } from './device.ts';
import { SOUND } from './device-capabilities.ts';
import { soundShape } from './sound-encoders.ts';

/**
 * Captures what a device encodes itself, as one stream for all tracks that it suits. It flows as long as the device is
 * open: who stops it between two key frames has nothing to go on from.
 * @param configurations of those tracks; of a camera on the network there may be none, all of which is decoded then.
 * @throws CaptureError `invalid-value` where the device does not encode.
 */
export function planCoded(device: CaptureDevice, configurations: readonly TrackConfiguration[]): CapturePlan {
  const { settings, input } = codedInput(device, configurations);
  const launch = codedLaunch(device.kind === 'videoinput' ? 'video' : 'audio', input);
  return {
    start: {
      type: 'start',
      launch,
      gates: [true],
      keyFrameIntervals: [],
      input: undefined,
      overlays: [],
      text: undefined,
      queueRoom: undefined,
    },
    settings: [settings],
    encoders: [],
    limits: [],
    tunings: [],
    layout: launch,
  };
}

function codedInput(
  device: CaptureDevice,
  configurations: readonly TrackConfiguration[],
): { settings: MediaTrackSettings; input: CodedInput } {
  const { rtsp } = device;
  if (device.kind === 'audioinput') {
    const { sound } = device;
    if (rtsp !== undefined && sound !== undefined)
      return { settings: { ...SOUND, ...soundShape(sound, 2) }, input: { type: 'rtsp', rtsp, sound } };
  } else {
    const coded = codedOnly(device, configurations[0] ? codecOf(configurations[0]) : (networkCodec(device) ?? 'h264'));
    const wishes = configurations.map(({ settings }) => wishOf(settings));
    const mode = coded && chooseMode(coded, wishes.length > 0 ? wishes : [wishOf({})]);
    if (mode !== undefined)
      return {
        settings: codedSettings(mode),
        input: rtsp ? { type: 'rtsp', rtsp } : { type: 'v4l2', path: device.path, mode },
      };
  }
  throw new CaptureError('invalid-value', `${device.label} does not encode in a way that can go out as it is`);
}

function codedSettings({ width, height, frameRate }: CaptureMode): MediaTrackSettings {
  return {
    width,
    height,
    aspectRatio: width / height,
    ...(frameRate !== undefined && { frameRate }),
    resizeMode: 'none',
  };
}
