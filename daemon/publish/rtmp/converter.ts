import type { Readable } from 'node:stream';
import type { AacEncoder } from '../../convert/aac-encoder.ts';
import { type InputPipe, RtpInput, rtpInputArguments } from '../../convert/rtp-input.ts';
import { asAac } from '../../convert/sound.ts';
import { Child } from '../../lib/child.ts';
import type { Log } from '../../lib/log.ts';
import type { RtpCodec } from '../../rtp/codec.ts';
import type { RtpFrame } from '../../rtp/rtp-frame.ts';

export type Kind = 'video' | 'audio';

/** The tracks of a converter, and the codecs that they come in. */
export type ConvertedTracks = ReadonlyMap<Kind, RtpCodec>;

const AUDIO_BIT_RATE = 128_000;

export interface ConverterOptions {
  /** Name of the stream, for the log. */
  stream: string;
  tracks: ConvertedTracks;
  /** Needed where there is audio. */
  aac: AacEncoder | undefined;
  log: Log;
}

/** `gst-launch-1.0` arguments: RTP with its capture times in, from descriptor 3 on; FLV out on the one after. */
export function converterArguments(tracks: ConvertedTracks, aac: AacEncoder | undefined): string[] {
  const launch = ['-q', 'flvmux', 'name=mux', 'streamable=true', '!', 'fdsink', `fd=${3 + tracks.size}`, 'sync=false'];
  [...tracks].forEach(([kind, codec], index) => {
    launch.push(...rtpInputArguments(3 + index, codec), '!');
    if (kind === 'video') {
      launch.push('h264parse', '!');
    } else {
      if (aac === undefined) throw new TypeError('audio needs an AAC encoder');
      launch.push(...asAac(codec, aac, AUDIO_BIT_RATE), '!');
    }
    launch.push('queue', '!', `mux.${kind}`);
  });
  return launch;
}

/**
 * One life of the process that makes FLV with H.264 and AAC of a stream's RTP. The picture is not encoded again, nor is
 * sound that is AAC already.
 * Both tracks begin at the first key frame, on the clock that they were captured by.
 */
export class Converter {
  readonly child: Child<never, never>;
  readonly kinds: ReadonlySet<Kind>;
  /** FLV. */
  readonly output: Readable;
  readonly #inputs = new Map<Kind, RtpInput>();
  #origin: number | undefined;
  /** Frames that went in. */
  frames = 0;

  constructor({ stream, tracks, aac, log }: ConverterOptions) {
    this.kinds = new Set(tracks.keys());
    this.child = new Child({
      run: { program: 'gst-launch-1.0', args: converterArguments(tracks, aac) },
      name: `rtmp converter ${stream}`,
      pipes: tracks.size + 1,
      log,
    });
    [...tracks].forEach(([kind, codec], index) => {
      this.#inputs.set(kind, new RtpInput(this.child.pipes[index] as InputPipe, codec));
    });
    this.output = this.child.pipes[tracks.size] as Readable;
  }

  /** True while video waits for a key frame. */
  get needsKeyFrame(): boolean {
    return this.#inputs.get('video')?.needsKeyFrame ?? false;
  }

  /** Takes a frame as the track delivers it; drops what comes before the first key frame, and what the process cannot keep up with. */
  write(kind: Kind, frame: RtpFrame): void {
    const input = this.#inputs.get(kind);
    if (input === undefined || !this.child.running) return;
    if (kind === 'audio' && this.#origin === undefined && this.#inputs.has('video')) return;
    if (input.needsKeyFrame && !frame.keyFrame) return;
    this.#origin ??= frame.captureTime;
    const time = frame.captureTime - this.#origin;
    if (time >= 0 && input.write(frame, time)) this.frames += 1;
  }
}
