import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { EncodedStream, TrackConfiguration } from '../media/track-source.ts';
import { RTP_VIDEO_CODECS, type RtpCodec } from '../rtp/codec.ts';
import type { CodedCapture } from './coded-capture.ts';
import { codecOf } from './coded-formats.ts';
import type { AudioDevice } from './device.ts';
import type { DeviceCapture } from './device-capture.ts';
import type { EncodedTrack } from './encoded-track.ts';
import type { EncoderChoice } from './encoders.ts';
import { soundCodec } from './sound-encoders.ts';
import type { SourceDevice } from './source-device.ts';

export interface SourceEncodingsOptions {
  kind: 'video' | 'audio';
  encoders: EncoderChoice;
  device: Pick<SourceDevice, 'last' | 'settings'>;
  /** Of the source, as they come and go. */
  tracks: ReadonlySet<EncodedTrack>;
  /** Of the device. */
  capture: Pick<DeviceCapture, 'life' | 'plan'>;
  coded: CodedCapture;
}

/**
 * What the tracks of a source go out as: in which codec, encoded by what, and with which settings. It is read from the
 * lives that run, or from what a life would do; nothing here changes them.
 */
export class SourceEncodings {
  readonly #options: SourceEncodingsOptions;

  constructor(options: SourceEncodingsOptions) {
    this.#options = options;
  }

  /** The elements that encode, once they are chosen; none where the device's own encoding goes out. */
  get encoders(): readonly string[] {
    const { capture, coded } = this.#options;
    return [capture.life, coded.decoding].flatMap((life) => life?.plan?.encoders ?? []);
  }

  /** What encodes a track, once that is chosen, and what that cannot do of what is asked for. */
  encodingOf({ rtp }: EncodedStream): { encoder?: string; limit?: string } {
    const { capture, coded } = this.#options;
    const track = [...this.#options.tracks].find((each) => each.rtp === rtp);
    if (track === undefined) return {};
    const { plan, tracks = [] } = coded.lifeOf(track) ?? capture.life ?? {};
    const index = tracks.indexOf(track);
    const [encoder, limit] = [plan?.encoders[index], plan?.limits[index]];
    return { ...(encoder !== undefined && { encoder }), ...(limit !== undefined && { limit }) };
  }

  /** Undefined: a sound whose device nobody has asked yet. */
  codecOf(configuration: TrackConfiguration): RtpCodec | undefined {
    const { kind, device, encoders } = this.#options;
    if (kind === 'video') return RTP_VIDEO_CODECS[codecOf(configuration)];
    return soundCodec(device.last as AudioDevice | undefined, configuration, encoders);
  }

  settingsOf(track: EncodedTrack): MediaTrackSettings {
    const { capture, coded, device } = this.#options;
    const settings =
      capture.life?.settingsOf(track) ??
      coded.settingsOf(track) ??
      this.#settingsToBe(track) ??
      track.configuration.settings;
    return { ...settings, ...device.settings };
  }

  /** Why a track cannot be encoded here; undefined where it can, or need not be. */
  problemOf(track: EncodedTrack): string | undefined {
    const { kind, coded, encoders } = this.#options;
    return kind === 'audio' || coded.passes(track) ? undefined : encoders.problem(track.codec);
  }

  /** What would be captured, before the first start. */
  #settingsToBe(track: EncodedTrack): MediaTrackSettings | undefined {
    const { capture, coded, device } = this.#options;
    if (device.last === undefined) return undefined;
    try {
      return capture.plan(coded.takenFrom(device.last), [track]).settings[0];
    } catch {
      return undefined;
    }
  }
}
