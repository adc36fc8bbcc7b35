import type { TrackConfiguration } from '../media/track-source.ts';
import { CaptureError } from './capture-error.ts';
import { type CaptureDevice, TEST_PICTURE, TEST_TONE } from './device.ts';
import { DeviceCapture, type DeviceCaptureOptions } from './device-capture.ts';
import type { EncodedTrack } from './encoded-track.ts';
import { ENCODERS, type EncoderChoice } from './encoders.ts';
import type { Picture } from './worker-questions.ts';

const FRAME_RATE = 5;
const BITRATE = 200_000;
const START_TIMEOUT_MS = 10_000;

export interface SlateOptions extends Omit<DeviceCaptureOptions, 'owner' | 'pattern'> {
  /** For which tracks it is made, as of now. */
  tracks: () => EncodedTrack[];
  /** Whether a track shows it, to whom no picture comes from elsewhere. */
  shows: (track: EncodedTrack) => boolean;
  /** What it says besides the time; undefined: nothing, not even that. */
  text: () => string | undefined;
}

/** A small picture of few frames, in the track's size. */
function slateConfiguration(track: EncodedTrack): TrackConfiguration {
  const { configuration } = track;
  const { width, height } = { ...configuration.settings, ...track.settings() };
  const { scaleResolutionDownBy = 1, keyFrameInterval = 2 } = configuration.encoding ?? {};
  return {
    ...configuration,
    // Its size is the one of the picture that was cut and turned.
    picture: undefined,
    settings: { ...configuration.settings, ...(width && height && { width, height }), frameRate: FRAME_RATE },
    encoding: {
      ...configuration.encoding,
      maxBitrate: BITRATE,
      maxFramerate: undefined,
      scaleResolutionDownBy,
      keyFrameInterval,
    },
  };
}

/** A slate must not take a hardware encoder away from a camera, nor say what becomes of one. */
function modest(encoders: EncoderChoice): EncoderChoice {
  return {
    get aac() {
      return encoders.aac;
    },
    choose: async (codec) => {
      const ranking = await encoders.choose(codec);
      const software = ranking.filter((name) => !ENCODERS[name].hardware);
      return software.length > 0 ? software : ranking;
    },
    problem: (codec) => encoders.problem(codec),
    distrust: () => undefined,
    failed: () => undefined,
  };
}

/** What stands for a device that is silent or must not be open: a dark picture with a text and the time, or silence. */
export class Slate {
  readonly capture: DeviceCapture;
  readonly #waiters = new Set<() => void>();
  #shown = false;
  #flows = false;

  constructor(options: SlateOptions) {
    const { kind, tracks, shows, text, log } = options;
    const device: CaptureDevice = kind === 'video' ? TEST_PICTURE : TEST_TONE;
    this.capture = new DeviceCapture({
      ...options,
      pattern: 'black',
      encoders: modest(options.encoders),
      owner: {
        device: () => device,
        tracks,
        flowsTo: shows,
        text,
        configuration: slateConfiguration,
        packet: (track, packet, life) => {
          this.#flow();
          if (this.#shown && shows(track)) track.push(life, packet);
        },
        begun: () => {
          this.#flows = false;
        },
        flows: () => this.#flow(),
        // The next life shows it again.
        died: ({ message }) => log.warn({ message }, 'the picture that stands for the device was interrupted'),
      },
    });
  }

  get shown(): boolean {
    return this.#shown;
  }

  /** Idempotent. */
  show(): void {
    this.#shown = true;
    this.capture.start();
  }

  /** Idempotent. */
  async hide(): Promise<void> {
    if (!this.#shown) return;
    this.#shown = false;
    await this.capture.stop();
  }

  /** A JPEG of it, once it is there. @throws CaptureError `not-live`, `timeout`, `failed`. */
  async takePicture(): Promise<Picture> {
    if (!this.#flows)
      await new Promise<void>((resolve, reject) => {
        const arrived = (): void => {
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          this.#waiters.delete(arrived);
          reject(new CaptureError('timeout', 'the picture that stands for the device does not come'));
        }, START_TIMEOUT_MS);
        this.#waiters.add(arrived);
      });
    return this.capture.requests.takePicture('jpeg');
  }

  #flow(): void {
    this.#flows = true;
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }
}
