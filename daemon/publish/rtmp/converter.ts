import type { Readable } from 'node:stream';
import { Child } from '../../lib/child.ts';
import type { Log } from '../../lib/log.ts';
import { FrameGate } from '../../rtp/frame-gate.ts';
import type { RtpFrame } from '../../rtp/rtp-frame.ts';
import { gdpBuffers, gdpStart } from './gdp.ts';

export type Kind = 'video' | 'audio';

/** Bytes that may wait for the converter; what is above is dropped up to the next key frame. */
const HIGH_WATER_BYTES: Record<Kind, number> = { video: 4 * 1024 * 1024, audio: 64 * 1024 };

const CAPS: Record<Kind, string> = {
  video: 'application/x-rtp, media=(string)video, clock-rate=(int)90000, encoding-name=(string)H264, payload=(int)96',
  audio: 'application/x-rtp, media=(string)audio, clock-rate=(int)48000, encoding-name=(string)OPUS, payload=(int)111',
};

/** GStreamer's AAC encoders with the arguments that make them comparable, best first. */
export const AAC_ENCODERS = [
  ['fdkaacenc', 'bitrate=128000'],
  ['avenc_aac', 'bitrate=128000'],
  ['voaacenc', 'bitrate=128000'],
  ['faac', 'bitrate=128000'],
] as const satisfies readonly (readonly string[])[];
export type AacEncoder = (typeof AAC_ENCODERS)[number];

export interface ConverterOptions {
  /** Name of the stream, for the log. */
  stream: string;
  kinds: ReadonlySet<Kind>;
  /** Needed where there is audio. */
  aac: AacEncoder | undefined;
  log: Log;
}

/** `gst-launch-1.0` arguments: RTP with its capture times in, from descriptor 3 on; FLV out on the one after. */
export function converterArguments(kinds: readonly Kind[], aac: AacEncoder | undefined): string[] {
  const launch = ['-q', 'flvmux', 'name=mux', 'streamable=true', '!', 'fdsink', `fd=${3 + kinds.length}`, 'sync=false'];
  kinds.forEach((kind, index) => {
    launch.push('fdsrc', `fd=${3 + index}`, 'blocksize=65536', '!', 'gdpdepay', '!', 'queue', '!');
    if (kind === 'video') {
      launch.push('rtph264depay', '!', 'h264parse', '!', 'queue', '!', 'mux.video');
    } else {
      if (aac === undefined) throw new TypeError('audio needs an AAC encoder');
      launch.push('rtpopusdepay', '!', 'opusdec', '!', 'audioconvert', '!', 'audioresample', '!');
      launch.push('audio/x-raw,rate=48000,channels=2', '!', ...aac, '!', 'aacparse', '!', 'queue', '!', 'mux.audio');
    }
  });
  return launch;
}

/**
 * One life of the process that makes FLV with H.264 and AAC of a stream's RTP. The picture is not encoded again.
 * Both tracks begin at the first key frame, on the clock that they were captured by.
 */
export class Converter {
  readonly child: Child<never, never>;
  readonly kinds: ReadonlySet<Kind>;
  /** FLV. */
  readonly output: Readable;
  readonly #inputs = new Map<
    Kind,
    { pipe: NodeJS.WritableStream & { writableLength: number }; gate: FrameGate; last: number }
  >();
  #origin: number | undefined;
  /** Frames that went in. */
  frames = 0;

  constructor({ stream, kinds, aac, log }: ConverterOptions) {
    const order = [...kinds];
    this.kinds = kinds;
    this.child = new Child({
      run: { program: 'gst-launch-1.0', args: converterArguments(order, aac) },
      name: `rtmp converter ${stream}`,
      pipes: order.length + 1,
      log,
    });
    order.forEach((kind, index) => {
      const pipe = this.child.pipes[index] as NodeJS.WritableStream & { writableLength: number };
      pipe.write(gdpStart(kind, CAPS[kind]));
      const gate = new FrameGate({ highWater: HIGH_WATER_BYTES[kind], needsKeyFrame: kind === 'video' });
      this.#inputs.set(kind, { pipe, gate, last: -1 });
    });
    this.output = this.child.pipes[order.length] as Readable;
  }

  /** True while video waits for a key frame. */
  get needsKeyFrame(): boolean {
    return this.#inputs.get('video')?.gate.needsKeyFrame ?? false;
  }

  /** Takes a frame as the track delivers it; drops what comes before the first key frame, and what the process cannot keep up with. */
  write(kind: Kind, frame: RtpFrame): void {
    const input = this.#inputs.get(kind);
    if (input === undefined || !this.child.running) return;
    if (kind === 'audio' && this.#origin === undefined && this.#inputs.has('video')) return;
    if (!input.gate.admits(frame, input.pipe.writableLength)) return;
    this.#origin ??= frame.captureTime;
    // FLV counts milliseconds: time that does not grow would be refused by players.
    const time = Math.max(frame.captureTime - this.#origin, input.last);
    if (time < 0) return;
    input.last = time + 0.01;
    input.pipe.write(gdpBuffers(frame.packets, time));
    this.frames += 1;
  }
}
