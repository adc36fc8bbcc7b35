import type { AudioCodec } from '../../config/codecs.ts';
import { AAC_ENCODERS, type AacEncoder } from '../convert/aac-encoder.ts';
import type { ContentHint, TrackConfiguration } from '../media/track-source.ts';
import { aacCodec, isAac } from '../rtp/aac.ts';
import { OPUS, PCMA, PCMU, type RtpCodec } from '../rtp/codec.ts';
import { CaptureError } from './capture-error.ts';
import type { AudioDevice } from './device.ts';
import { SOUND } from './device-capabilities.ts';
import type { EncoderChoice } from './encoders.ts';

export type SoundEncoder = 'opusenc' | 'alawenc' | 'mulawenc' | AacEncoder;

/** bit/s for each channel, as far as the sampling frequency has room for it. */
const AAC_BITRATE_PER_CHANNEL = 64_000;
const OPUS_BITRATE_PER_CHANNEL = 32_000;
const OPUS_BITRATES: Partial<Record<ContentHint, number>> = {
  speech: 24_000,
  'speech-recognition': 24_000,
  music: 64_000,
};

/** What a sound that is not taken as it comes is resampled to. */
export function soundShape(codec: RtpCodec, wishedChannels: number): { sampleRate: number; channelCount: number } {
  return { sampleRate: codec.clockRate, channelCount: codec === OPUS ? wishedChannels : (codec.channels ?? 1) };
}

/** @param aac what encodes that here. @throws CaptureError `not-installed`. */
export function soundEncoder({ mimeType }: RtpCodec, aac: AacEncoder | undefined): SoundEncoder {
  if (mimeType === 'audio/PCMA') return 'alawenc';
  if (mimeType === 'audio/PCMU') return 'mulawenc';
  if (mimeType === 'audio/opus') return 'opusenc';
  if (aac !== undefined) return aac;
  throw new CaptureError(
    'not-installed',
    `AAC needs one of the elements ${AAC_ENCODERS.join(', ')}; none is installed`,
  );
}

/** bit/s that a sound of this many channels is encoded with, where its codec leaves a choice. */
export function soundBitrate(codec: RtpCodec, channelCount: number, contentHint: ContentHint): number {
  const perChannel = isAac(codec)
    ? Math.min(AAC_BITRATE_PER_CHANNEL, 4 * codec.clockRate)
    : (OPUS_BITRATES[contentHint] ?? OPUS_BITRATE_PER_CHANNEL);
  return perChannel * channelCount;
}

/**
 * What a sound of a device goes out as: as the device sends it where that is possible and no other codec is asked for. AAC
 * takes an encoder all the same, for the time when the device is away.
 * @returns undefined as long as that is up to the device, and nobody has asked it yet.
 */
export function soundCodec(
  device: AudioDevice | undefined,
  configuration: TrackConfiguration,
  encoders: Pick<EncoderChoice, 'aac'>,
): RtpCodec | undefined {
  const { audioCodec = 'auto', settings } = configuration;
  if (audioCodec in FIXED) return FIXED[audioCodec as keyof typeof FIXED];
  if (device?.rtsp?.assumed) return undefined;
  const sent = device?.sound;
  if (audioCodec === 'aac')
    return sent !== undefined && isAac(sent) ? sent : aacCodec(SOUND.sampleRate, settings.channelCount ?? 2);
  const possible = sent !== undefined && canGoOut(configuration, sent);
  return possible && !(isAac(sent) && encoders.aac === undefined) ? sent : OPUS;
}

const FIXED = { opus: OPUS, pcma: PCMA, pcmu: PCMU } as const satisfies Partial<Record<AudioCodec | 'auto', RtpCodec>>;

/** Whether a sound may go out as it is sent. */
export function canGoOut(configuration: TrackConfiguration, sent: RtpCodec): boolean {
  const { gain = 0, passthrough = true, settings } = configuration;
  // What Opus says of its channels means nothing (RFC 7587, 7).
  const fits = sent === OPUS || (sent.channels ?? 1) <= (settings.channelCount ?? 2);
  return passthrough && gain === 0 && fits;
}
