import { isDeepStrictEqual } from 'node:util';
import type { VideoCodec } from '../../config/codecs.ts';
import type { TrackConfiguration } from '../media/track-source.ts';
import { H265, RTP_VIDEO_CODECS, type RtpCodec } from '../rtp/codec.ts';
import { readSequenceParameters } from '../rtp/h264-sps.ts';
import { type CaptureMode, chooseMode, wishOf } from './capture-mode.ts';
import { AS_CAPTURED } from './capture-plan.ts';
import type { CaptureDevice, VideoDevice } from './device.ts';
import { canGoOut } from './sound-encoders.ts';

/** The codecs of tracks that a device can deliver, by V4L2's names. */
const PASSED_FORMATS: Readonly<Record<string, VideoCodec>> = { H264: 'h264', HEVC: 'h265' };

/** V4L2's name of a codec. */
export const formatOf = (codec: RtpCodec): string => (codec === H265 ? 'HEVC' : 'H264');

export const codecOf = ({ encoding }: TrackConfiguration): VideoCodec => encoding?.codec ?? 'h264';

/** What a camera on the network encodes its pictures with, where that could go out as it is. */
export function networkCodec(device: CaptureDevice): VideoCodec | undefined {
  if (device.kind !== 'videoinput' || device.rtsp === undefined) return undefined;
  return PASSED_FORMATS[device.formats[0]?.pixelFormat ?? ''];
}

/** The device with nothing but what it encodes so; undefined where it does not. */
export function codedOnly(device: VideoDevice, codec: VideoCodec): VideoDevice | undefined {
  const formats = device.formats.filter(({ pixelFormat }) => PASSED_FORMATS[pixelFormat] === codec);
  return formats.length === 0 ? undefined : { ...device, formats };
}

/** The device without what it encodes, where it has something else, too. */
export function uncodedOnly<T extends CaptureDevice>(device: T): T {
  if (device.kind !== 'videoinput') return device;
  const formats = device.formats.filter(({ pixelFormat }) => PASSED_FORMATS[pixelFormat] === undefined);
  return formats.length === 0 ? device : { ...device, formats };
}

/** Whether a track of a codec gets what it asks for when the device's own encoding goes out as it is. */
export function passesThrough(
  device: CaptureDevice,
  configuration: TrackConfiguration,
  codec: RtpCodec = RTP_VIDEO_CODECS[codecOf(configuration)],
): boolean {
  if (device.kind === 'audioinput') return device.sound === codec && canGoOut(configuration, codec);
  const { passthrough = true, settings, encoding, picture = AS_CAPTURED } = configuration;
  if (!passthrough || !isDeepStrictEqual(picture, AS_CAPTURED)) return false;
  const coded = codedOnly(device, codecOf(configuration));
  if (coded === undefined) return false;
  const wish = wishOf(settings);
  const mode = chooseMode(coded, [wish]) as CaptureMode;
  const { width, height, frameRate = Infinity } = mode;
  const best = wish.exact ? wish : (chooseMode(device, [wish]) as CaptureMode);
  if (width !== best.width || height !== best.height) return false;
  const { scaleResolutionDownBy = 1, maxFramerate = Infinity } = encoding ?? {};
  const fastest = wish.exact ? Math.min(maxFramerate, wish.frameRate) : maxFramerate;
  return scaleResolutionDownBy === 1 && (fastest === Infinity || frameRate <= fastest * 1.01);
}

/** Baseline, main, high: 4:2:0 of 8 bits, which every browser decodes. */
const PLAYABLE_PROFILES: ReadonlySet<number> = new Set([66, 77, 100]);

/** Why viewers could not play H.264 with this sequence parameter set; undefined where they can. */
export function unplayable(sps: Buffer): string | undefined {
  const parameters = readSequenceParameters(sps);
  if (parameters === undefined) return 'its H.264 has a sequence parameter set that cannot be read';
  const { profile, interlaced } = parameters;
  if (!PLAYABLE_PROFILES.has(profile)) return `its H.264 has profile ${profile}`;
  return interlaced ? 'its H.264 is interlaced' : undefined;
}
