import { initOf, MediaStreamTrack, type TrackInit, trackInit } from './media-stream-track.ts';
import type { TrackSource } from './track-source.ts';
import { defineInterface, illegalConstructor, internal, requireArguments } from './web-idl.ts';

/** What a program pushes. */
export interface PushedFormat {
  /** `rgba`: uncompressed, 4 bytes a pixel, rows from the top without padding; `jpeg`: a whole JPEG each. */
  readonly format: 'rgba' | 'jpeg';
  /** Of every picture, in pixels. */
  readonly width: number;
  readonly height: number;
  /** As of canvas.captureStream(): undefined: each picture that is written goes out; above 0: at most so many a second; 0: only on requestFrame(). */
  readonly frameRate: number | undefined;
}

/** A source that takes pictures. */
export interface PushSource extends TrackSource {
  /** @returns false when it came too fast and is left out. */
  push(frame: Uint8Array): boolean;
}

/** The picture that is shown, shared by the clones of a track. */
class PushedPicture {
  readonly format: PushedFormat;
  readonly #source: PushSource;
  #current: Uint8Array | undefined;
  #sentAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: PushSource, format: PushedFormat) {
    this.#source = source;
    this.format = format;
  }

  write(frame: Uint8Array): void {
    checkFrame(frame, this.format);
    // The caller may draw the next picture into the same bytes.
    this.#current = Uint8Array.from(frame);
    const { frameRate } = this.format;
    if (frameRate === undefined) this.send();
    if (frameRate === undefined || frameRate === 0 || this.#timer !== undefined) return;
    const wait = this.#sentAt + 1000 / frameRate - performance.now();
    if (wait <= 0) this.send();
    else this.#timer = setTimeout(() => this.send(), wait).unref();
  }

  send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#current === undefined) return;
    this.#sentAt = performance.now();
    this.#source.push(this.#current);
  }
}

let pictureOf: (track: PushedMediaStreamTrack) => PushedPicture;

/**
 * A video track whose pictures a program writes, in the spirit of CanvasCaptureMediaStreamTrack (W3C Media Capture from
 * DOM Elements, 3): what was written last is what viewers see until the next picture. Made by createPushedTrack().
 */
export class PushedMediaStreamTrack extends MediaStreamTrack {
  readonly #picture: PushedPicture;

  static {
    pictureOf = (track) => track.#picture;
    defineInterface(PushedMediaStreamTrack, { brand: (value) => #picture in value });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, init, picture]: [token?: unknown, init?: TrackInit, picture?: PushedPicture]) {
    if (token !== internal || init === undefined || picture === undefined) throw illegalConstructor();
    super(token, init);
    this.#picture = picture;
  }

  /**
   * Shows a picture. It goes out at once, or as often as the track's frame rate allows: then the newest one does.
   * @param frame In the track's format and size; copied, so that the caller may go on drawing into it.
   * @throws TypeError for anything else.
   */
  write(frame: Uint8Array): void {
    requireArguments(arguments, 1, 'PushedMediaStreamTrack.write');
    if (!(frame instanceof Uint8Array)) throw new TypeError('write: the picture is not a Uint8Array (a Buffer is one)');
    this.#picture.write(frame);
  }

  /** Sends the picture that was written last, once more: the only way out at a frame rate of 0. */
  requestFrame(): void {
    this.#picture.send();
  }

  override clone(): PushedMediaStreamTrack {
    return new PushedMediaStreamTrack(internal, initOf(this), pictureOf(this));
  }
}

/** A track over a source that takes pictures in this format. */
export function pushedTrack(source: PushSource, format: PushedFormat): PushedMediaStreamTrack {
  const { width, height } = format;
  const init = trackInit(source, { settings: { width, height } });
  return new PushedMediaStreamTrack(internal, init, new PushedPicture(source, format));
}

/** The largest JPEG that is taken, in bytes. */
const MAXIMUM_JPEG = 16 << 20;

function checkFrame(frame: Uint8Array, { format, width, height }: PushedFormat): void {
  const size = `${width}x${height}`;
  if (format === 'rgba') {
    const expected = width * height * 4;
    if (frame.length !== expected)
      throw new TypeError(`write: ${frame.length} bytes; an RGBA picture of ${size} has ${expected}`);
    return;
  }
  if (frame.length > MAXIMUM_JPEG)
    throw new TypeError(`write: a JPEG of ${frame.length} bytes; allowed are up to ${MAXIMUM_JPEG}`);
  const found = jpegSize(frame);
  if (found === undefined) throw new TypeError('write: the picture is not a JPEG');
  if (found.width !== width || found.height !== height)
    throw new TypeError(`write: a JPEG of ${found.width}x${found.height}; the pictures of this track have ${size}`);
}

/** The size in a JPEG's frame header (ITU-T T.81, B.2.2); undefined where it has none. */
function jpegSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 9 <= bytes.length; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker < 0xffc0 || marker === 0xffda) return undefined;
    // Start of frame, whatever the coding process; C4, C8 and CC are none.
    if (marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker))
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
  }
  return undefined;
}
