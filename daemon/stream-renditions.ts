import type { EncodingSettings, StreamSettings, VideoSettings } from '../config/settings.ts';
import type { CaptureSource } from './capture/capture-source.ts';
import { addTrackByGateway, MediaStream, removeTrackByGateway } from './media/media-stream.ts';
import { configureTrack, createTrack, encodedOf, type MediaStreamTrack } from './media/media-stream-track.ts';
import type { PictureAdjustments, TrackConfiguration } from './media/track-source.ts';

/** What the tracks of a stream are made of. */
export interface RenditionTracks extends Pick<TrackConfiguration, 'privacy' | 'reduction'> {
  readonly settings: Pick<StreamSettings, 'video' | 'audio'>;
  readonly camera: CaptureSource | undefined;
  readonly microphone: CaptureSource | undefined;
}

/**
 * A stream in each of its encodings: a MediaStream for each, the same objects for the whole life of the gateway; their
 * tracks come and go with {@link open} and {@link close}.
 */
export class StreamRenditions {
  readonly #streams: ReadonlyMap<string, MediaStream>;
  #encodings: readonly EncodingSettings[];
  /** What makes the sources run although nobody may be watching. */
  #holds: (() => void)[] = [];

  /** @param encodings at least one, as the configuration has them. */
  constructor(encodings: readonly EncodingSettings[]) {
    this.#encodings = encodings;
    this.#streams = new Map(encodings.map(({ rid }) => [rid, new MediaStream()]));
  }

  /** As they are now; the configuration may have had others. */
  get encodings(): readonly EncodingSettings[] {
    return this.#encodings;
  }

  /** The stream in its first encoding. */
  get first(): MediaStream {
    return this.all[0] as MediaStream;
  }

  /** In the order of the encodings. */
  get all(): readonly MediaStream[] {
    return [...this.#streams.values()];
  }

  find(rid: string): MediaStream | undefined {
    return this.#streams.get(rid);
  }

  /** The tracks of all renditions, each once. */
  get tracks(): MediaStreamTrack[] {
    return [...new Set(this.all.flatMap((rendition) => rendition.getTracks()))];
  }

  /** Makes the tracks: a picture of its own for each encoding, the one sound for all. */
  open({ settings: { video, audio }, camera, microphone, privacy, reduction }: RenditionTracks): void {
    const sound =
      microphone &&
      audio &&
      configuredTrack(microphone, {
        settings: { channelCount: audio.channelCount },
        audioCodec: audio.codec,
        gain: audio.gain,
        privacy,
      });
    for (const encoding of this.#encodings) {
      const rendition = this.#streams.get(encoding.rid) as MediaStream;
      if (camera && video) {
        const { width, height, frameRate } = video;
        const picture = configuredTrack(camera, {
          settings: { width, height, frameRate },
          picture: adjustmentsOf(video),
          encoding,
          reduction,
          privacy,
          passthrough: video.passthrough === 'auto',
        });
        addTrackByGateway(rendition, picture);
      }
      if (sound) addTrackByGateway(rendition, sound);
    }
  }

  /** Ends the tracks. */
  close(): void {
    this.release();
    for (const rendition of this.all)
      for (const track of rendition.getTracks()) {
        track.stop();
        removeTrackByGateway(rendition, track);
      }
  }

  /** The first encoding is captured whether or not somebody watches, until {@link release} or {@link close}. */
  hold(): void {
    if (this.#holds.length > 0) return;
    this.#holds = this.first.getTracks().map((track) => encodedOf(track).retain());
  }

  release(): void {
    for (const release of this.#holds) release();
    this.#holds = [];
  }

  /** Changes the encoder of the encoding with this rid. @throws CaptureError for what it refuses; then nothing has changed. */
  async setEncoding(next: EncodingSettings): Promise<void> {
    const tracks = this.find(next.rid)?.getVideoTracks() ?? [];
    for (const track of tracks) await configureTrack(track, { encoding: next });
    this.#encodings = this.#encodings.map((encoding) => (encoding.rid === next.rid ? next : encoding));
  }
}

/** A track that is as the configuration wishes where nobody constrains it. */
const configuredTrack = (
  source: CaptureSource,
  configuration: Partial<TrackConfiguration> & Pick<TrackConfiguration, 'settings'>,
): MediaStreamTrack => createTrack(source, configuration, { defaults: configuration.settings });

function adjustmentsOf({ crop, orientation, overlay }: VideoSettings): PictureAdjustments {
  const [top = 0, right = 0, bottom = 0, left = 0] = crop.split(' ').map(Number);
  return { crop: { top, right, bottom, left }, orientation, overlay };
}
