import { type ChildProcess, spawn } from 'node:child_process';
import {
  type StampedSize,
  type StampRectangle,
  stampDigits,
  stampOf,
  stampPlate,
} from '../../daemon/capture/picture-stamp.ts';
import { type Arrival, RtspViewer } from './rtsp-viewer.ts';

/** Between black (16) and white (235). */
const LIT = 126;

/** Reads the time in a picture: milliseconds since midnight UTC. @param luma of the picture, 8 bits a pixel, line after line. */
export function readStamp(luma: Buffer, size: StampedSize): number | undefined {
  const bright = ({ left, top, right, bottom }: StampRectangle): boolean => {
    let [sum, count] = [0, 0];
    // The middle of it: edges are soft.
    const [x, y] = [(right - left) / 4, (bottom - top) / 4];
    for (let line = Math.round(top + y); line < bottom - y; line++)
      for (let column = Math.round(left + x); column < right - x; column++) {
        sum += luma[line * size.width + column] ?? 0;
        count += 1;
      }
    return sum / count > LIT;
  };
  return stampOf(
    stampDigits(size).map((segments) => segments.reduce((bits, place, i) => bits | (bright(place) ? 1 << i : 0), 0)),
  );
}

/** A picture that a {@link StampViewer} has seen. */
export interface SeenFrame {
  /** Of its last packet. */
  readonly arrival: Arrival;
  /** `performance.now()`. */
  readonly decodedAt: number;
  /** Milliseconds since midnight UTC; undefined where it could not be read. */
  readonly stamp: number | undefined;
}

/** Plays the video of an RTSP URL, decodes it and reads the time in each picture. */
export class StampViewer {
  readonly frames: SeenFrame[] = [];
  readonly #arrivals: Arrival[] = [];
  readonly #decoder: ChildProcess;
  #viewer: RtspViewer | undefined;
  /** What of the picture is decoded into, cut above and below alike: its middle is the stamp's. */
  readonly #strip: StampedSize;
  #rest: Buffer[] = [];
  #bytes = 0;

  private constructor(size: StampedSize) {
    const { top, bottom } = stampPlate(size);
    // 4:2:0 is cut at even lines.
    const cut = Math.floor(Math.min(top, size.height - bottom) / 2) * 2;
    this.#strip = { width: size.width, height: size.height - 2 * cut };
    const launch =
      'fdsrc fd=0 ! application/x-rtp-stream,media=video,clock-rate=90000,encoding-name=H264 ! rtpstreamdepay ! ' +
      // Threads for frames would hold pictures back.
      'rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! ' +
      `videocrop top=${cut} bottom=${cut} ! videoconvert ! video/x-raw,format=GRAY8 ! fdsink fd=1 sync=false`;
    this.#decoder = spawn('gst-launch-1.0', ['-q', ...launch.split(' ')], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#decoder.stdin?.on('error', () => undefined);
    this.#decoder.stdout?.on('data', (chunk: Buffer) => this.#decoded(chunk));
  }

  /** @param size of the picture, in pixels; a width of whole fours. */
  static async play(url: string, size: StampedSize): Promise<StampViewer> {
    const viewer = new StampViewer(size);
    try {
      viewer.#viewer = await RtspViewer.play(url, (packet) => viewer.#came(packet));
    } catch (error) {
      viewer.close();
      throw error;
    }
    return viewer;
  }

  /** All packets, as they came. */
  get arrivals(): readonly Arrival[] {
    return this.#viewer?.arrivals ?? [];
  }

  /** As {@link RtspViewer.capturedAt}. */
  capturedAt(timestamp: number): number | undefined {
    return this.#viewer?.capturedAt(timestamp);
  }

  close(): void {
    this.#viewer?.close();
    this.#decoder.kill('SIGKILL');
  }

  #came(packet: Buffer): void {
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(packet.length);
    this.#decoder.stdin?.write(prefix);
    this.#decoder.stdin?.write(packet);
    const arrival = this.#viewer?.arrivals.at(-1);
    if (arrival?.marker) this.#arrivals.push(arrival);
  }

  /** A decoder without B-frames gives one picture for each that went in. */
  #decoded(chunk: Buffer): void {
    const { width, height } = this.#strip;
    this.#rest.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= width * height) {
      const all = Buffer.concat(this.#rest);
      const luma = all.subarray(0, width * height);
      this.#rest = [all.subarray(width * height)];
      this.#bytes = all.length - luma.length;
      const arrival = this.#arrivals.shift();
      if (arrival === undefined) continue;
      this.frames.push({ arrival, decodedAt: performance.now(), stamp: readStamp(luma, this.#strip) });
    }
  }
}
