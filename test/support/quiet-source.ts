import { MediaClock } from '../../daemon/lib/clock.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from '../../daemon/media/track-dictionaries.ts';
import type {
  EncodedStream,
  PhotoWish,
  RawPicture,
  StillPicture,
  TrackConfiguration,
  TrackSource,
  TrackSourceObserver,
  VideoMode,
} from '../../daemon/media/track-source.ts';
import { H264, OPUS } from '../../daemon/rtp/codec.ts';
import { RtpStream } from '../../daemon/rtp/rtp-stream.ts';
import { rtpPacket } from './rtp-packets.ts';

/** A source that says nothing of itself: it mutes, ends and sends frames when the test wants it, and counts what is asked of it. */
export class QuietSource implements TrackSource {
  readonly kind: 'audio' | 'video';
  readonly label: string;
  muted = false;
  mutedReason: string | undefined = undefined;
  readonly rtp: RtpStream;
  attached = 0;
  retained = 0;
  keyFrameRequests = 0;
  /** What tracks have asked for, in order. */
  readonly configurations: TrackConfiguration[] = [];
  readonly controls: MediaTrackSettings[] = [];
  readonly photos: PhotoWish[] = [];
  /** What the next changes of a configuration and the next pictures fail with. */
  refusal: Error | undefined = undefined;
  readonly observers = new Set<TrackSourceObserver>();
  #sequence = 0;

  constructor(kind: 'audio' | 'video' = 'video', label = `Quiet ${kind}`) {
    this.kind = kind;
    this.label = label;
    this.rtp = new RtpStream({ codec: kind === 'video' ? H264 : OPUS, clock: new MediaClock(), cname: 'quiet' });
  }

  settings(): MediaTrackSettings {
    return this.kind === 'video' ? { width: 640, height: 480, frameRate: 25 } : { sampleRate: 48_000, channelCount: 2 };
  }

  capabilities(): MediaTrackCapabilities {
    return this.kind === 'video'
      ? { width: { min: 1, max: 640 }, height: { min: 1, max: 480 }, frameRate: { min: 1, max: 25 } }
      : { sampleRate: { min: 48_000, max: 48_000 }, channelCount: { min: 1, max: 2 } };
  }

  modes(): readonly VideoMode[] {
    return this.kind === 'video' ? [{ width: 640, height: 480, frameRates: [25] }] : [];
  }

  observe(observer: TrackSourceObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  /** Every track reads the same packets. */
  encode(configuration: TrackConfiguration): EncodedStream {
    this.attached += 1;
    this.configurations.push(configuration);
    let open = true;
    return {
      rtp: this.rtp,
      wanted: true,
      photo: () => Promise.reject(new Error('this source takes no pictures')),
      settings: () => this.settings(),
      configure: async (next) => {
        if (this.refusal !== undefined) throw this.refusal;
        this.configurations.push(next);
      },
      retain: () => this.hold(),
      requestKeyFrame: () => {
        this.keyFrameRequests += 1;
      },
      close: () => {
        if (open) this.attached -= 1;
        open = false;
      },
    };
  }

  hold(): () => void {
    this.retained += 1;
    let held = true;
    return () => {
      if (held) this.retained -= 1;
      held = false;
    };
  }

  async live(): Promise<void> {}

  async setControls(settings: MediaTrackSettings): Promise<void> {
    this.controls.push(settings);
  }

  async photo(wish: PhotoWish = {}): Promise<StillPicture> {
    this.photos.push(wish);
    if (this.refusal !== undefined) throw this.refusal;
    return { jpeg: Buffer.from([0xff, 0xd8, 0xff, 0xd9]), width: 640, height: 480 };
  }

  async grab(): Promise<RawPicture> {
    if (this.refusal !== undefined) throw this.refusal;
    return { data: Buffer.alloc(640 * 480 * 4), width: 640, height: 480 };
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    this.mutedReason = muted ? 'unplugged' : undefined;
    for (const observer of [...this.observers]) observer.mutedChanged();
  }

  end(): void {
    for (const observer of [...this.observers]) observer.ended();
  }

  /** Sends one frame of one packet. */
  send(keyFrame = true): void {
    const payload = Buffer.from([keyFrame ? 0x65 : 0x41, 1, 2, 3]);
    const sequence = this.#sequence++;
    this.rtp.push(rtpPacket({ payload, marker: true, sequence, timestamp: sequence * 3000 }));
  }
}
