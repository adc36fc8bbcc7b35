import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { MediaClock } from '../../daemon/lib/clock.ts';
import { MediaStream } from '../../daemon/media/media-stream.ts';
import { createTrack, type MediaStreamTrack } from '../../daemon/media/media-stream-track.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from '../../daemon/media/track-dictionaries.ts';
import type {
  EncodedStream,
  RawPicture,
  StillPicture,
  TrackSource,
  TrackSourceObserver,
  VideoMode,
} from '../../daemon/media/track-source.ts';
import { H264, OPUS } from '../../daemon/rtp/codec.ts';
import { Rfc4571Splitter } from '../../daemon/rtp/framing.ts';
import { RtpStream } from '../../daemon/rtp/rtp-stream.ts';

const TAIL = 'rtponviftimestamp ! rtpstreampay ! fdsink fd=3 sync=false async=false';
const PICTURES = 'videotestsrc is-live=true';
const VIDEO = ({ fps, width, height, kbps, gop, pictures }: Required<Omit<GstSourceOptions, 'sound'>>): string =>
  `${pictures} ! video/x-raw,format=I420,width=${width},height=${height},framerate=${fps}/1 ! ` +
  `x264enc tune=zerolatency speed-preset=ultrafast bitrate=${kbps} key-int-max=${gop} ! video/x-h264,profile=constrained-baseline ! ` +
  `h264parse config-interval=-1 ! rtph264pay pt=96 mtu=1200 config-interval=0 aggregate-mode=zero-latency timestamp-offset=0 ! ${TAIL}`;
const SOUND = 'audiotestsrc is-live=true wave=sine freq=440 samplesperbuffer=960';
const AUDIO = (sound: string): string =>
  `${sound} ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay pt=111 timestamp-offset=0 ! ${TAIL}`;

export interface GstSourceOptions {
  fps?: number;
  width?: number;
  height?: number;
  kbps?: number;
  /** Frames between key frames; this source cannot make one on demand. */
  gop?: number;
  /** What makes the pictures and the sound, in the words of `gst-launch-1.0`. */
  pictures?: string;
  sound?: string;
}

/** A real GStreamer encoder behind the TrackSource port, for tests of the publishers: no camera, no capture room. */
export class GstSource implements TrackSource {
  readonly kind: 'audio' | 'video';
  readonly label = 'Test source';
  muted = false;
  mutedReason: string | undefined = undefined;
  readonly rtp: RtpStream;
  keyFrameRequests = 0;
  readonly #options: Required<GstSourceOptions>;
  readonly #observers = new Set<TrackSourceObserver>();
  #child: ChildProcess | undefined;
  #retained = 0;

  constructor(kind: 'audio' | 'video', clock: MediaClock, options: GstSourceOptions = {}) {
    const defaults = { fps: 15, width: 320, height: 240, kbps: 500, gop: 15, pictures: PICTURES, sound: SOUND };
    this.kind = kind;
    this.#options = { ...defaults, ...options };
    this.rtp = new RtpStream({
      codec: kind === 'video' ? H264 : OPUS,
      clock,
      cname: 'test',
      // A test machine may be slow; what is tested is never the age of frames.
      maximumAge: 30_000,
      requestKeyFrame: () => this.requestKeyFrame(),
    });
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  capabilities(): MediaTrackCapabilities {
    return {};
  }

  modes(): readonly VideoMode[] {
    return [];
  }

  observe(observer: TrackSourceObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Every track reads the same packets, in the one size. */
  encode(): EncodedStream {
    return {
      rtp: this.rtp,
      wanted: true,
      photo: () => Promise.reject(new Error('this source takes no pictures')),
      settings: () => this.#settings(),
      configure: async () => undefined,
      retain: () => this.hold(),
      requestKeyFrame: () => this.requestKeyFrame(),
      close: () => undefined,
    };
  }

  hold(): () => void {
    if (this.#retained++ === 0) this.#start();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.#retained === 0) this.#stop();
    };
  }

  async live(): Promise<void> {}

  async setControls(): Promise<void> {}

  photo(): Promise<StillPicture> {
    throw new Error('this source takes no pictures');
  }

  grab(): Promise<RawPicture> {
    throw new Error('this source takes no pictures');
  }

  requestKeyFrame(): void {
    this.keyFrameRequests += 1;
  }

  /** Kills the encoder and starts another, as a crash of a capture worker does. */
  crash(): void {
    this.#stop();
    if (this.#retained > 0) this.#start();
  }

  /** Goes on with pictures of another size. */
  resize(width: number, height: number): void {
    Object.assign(this.#options, { width, height });
    this.crash();
  }

  /** The device is gone until {@link plug}. */
  unplug(reason: string): void {
    this.#stop();
    this.#mute(reason);
  }

  plug(): void {
    this.#mute(undefined);
    if (this.#retained > 0) this.#start();
  }

  /** Ends the source for good. */
  end(): void {
    this.#stop();
    for (const observer of [...this.#observers]) observer.ended();
  }

  #settings(): MediaTrackSettings {
    const { width, height, fps: frameRate } = this.#options;
    return this.kind === 'video' ? { width, height, frameRate } : { sampleRate: 48_000, channelCount: 2 };
  }

  #mute(reason: string | undefined): void {
    this.muted = reason !== undefined;
    this.mutedReason = reason;
    for (const observer of [...this.#observers]) observer.mutedChanged();
  }

  #start(): void {
    this.rtp.sourceChanged();
    const launch = this.kind === 'video' ? VIDEO(this.#options) : AUDIO(this.#options.sound);
    const child = spawn('gst-launch-1.0', ['-q', ...launch.split(' ')], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    this.#child = child;
    const splitter = new Rfc4571Splitter((packet) => {
      if (this.#child === child) this.rtp.push(packet);
    });
    (child.stdio[3] as Readable).on('data', (chunk: Buffer) => splitter.push(chunk));
  }

  #stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

export interface TestStream {
  stream: MediaStream;
  video: GstSource;
  audio: GstSource;
  tracks: MediaStreamTrack[];
  clock: MediaClock;
}

/** A MediaStream of one video and one audio track over real encoders. */
export function testStream(options: GstSourceOptions = {}): TestStream {
  const clock = new MediaClock();
  const video = new GstSource('video', clock, options);
  const audio = new GstSource('audio', clock, options);
  const tracks = [createTrack(video), createTrack(audio)];
  return { stream: new MediaStream(tracks), video, audio, tracks, clock };
}
