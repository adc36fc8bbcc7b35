import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Log } from '../../lib/log.ts';
import { encodedOf, watchEnd } from '../../media/media-stream-track.ts';
import type { StreamDirectory, Viewer, ViewerObserver, ViewerTraffic } from '../viewer.ts';
import { MjpegError } from './mjpeg-error.ts';

/** What stands between two pictures (RFC 2046, 5.1.1). */
const BOUNDARY = 'vedette';
export const MJPEG_CONTENT_TYPE = `multipart/x-mixed-replace; boundary=${BOUNDARY}`;

export interface MjpegPublisherOptions {
  streams: StreamDirectory;
  viewers: ViewerObserver;
  maxViewers: number;
  log: Log;
}

/** Pictures as JPEG, one after the other in one answer: what browsers show in an `<img>`, and old programs understand. */
export class MjpegPublisher {
  readonly #options: MjpegPublisherOptions;
  readonly #open = new Map<string, MjpegViewer>();

  constructor(options: MjpegPublisherOptions) {
    this.#options = options;
  }

  /** The limit for viewers who come from now on. */
  configure({ maxViewers }: Pick<MjpegPublisherOptions, 'maxViewers'>): void {
    this.#options.maxViewers = maxViewers;
  }

  /**
   * Lets a viewer in, who has been authorized.
   * @returns the body of the answer; destroying it is how the viewer leaves.
   * @throws MjpegError.
   */
  open(stream: string, { remoteAddress, user }: Pick<Viewer, 'remoteAddress' | 'user'>): Readable {
    const { streams, viewers, maxViewers } = this.#options;
    const media = streams.find(stream);
    if (media === undefined) throw new MjpegError('not_found', `there is no stream '${stream}'`);
    const track = media.getVideoTracks().find(({ readyState }) => readyState === 'live');
    const watch = track && encodedOf(track).watchJpegs?.bind(encodedOf(track));
    if (track === undefined || watch === undefined)
      throw new MjpegError('unavailable', `stream '${stream}' has no picture now`);
    if (this.#open.size >= maxViewers)
      throw new MjpegError('busy', `there are ${maxViewers} viewers already, as many as http.maxViewers allows`);
    const id = randomBytes(16).toString('base64url');
    const body = new MjpegViewer();
    const stop = watch((jpeg) => body.show(jpeg));
    const removeWatcher = watchEnd(track, () => body.end('ended'));
    body.once('close', () => {
      stop();
      removeWatcher();
      this.#open.delete(id);
      viewers.left(viewer, body.reason);
    });
    const traffic = () => body.traffic;
    const viewer: Viewer = { id, protocol: 'mjpeg', stream, remoteAddress, user, since: Date.now(), traffic };
    this.#open.set(id, body);
    viewers.joined(viewer);
    return body;
  }

  /** Ends a viewer's answer; false when there is none of this id. */
  closeViewer(id: string): boolean {
    const body = this.#open.get(id);
    body?.end('closed');
    return body !== undefined;
  }

  stop(): void {
    for (const body of [...this.#open.values()]) body.end('shutdown');
  }
}

/** What one viewer gets: a picture each time that he has taken the one before; those in between he does not see. */
class MjpegViewer extends Readable {
  /** Why he left. */
  reason = 'disconnected';
  #ready = false;
  #sentBytes = 0;
  #droppedFrames = 0;

  constructor() {
    super({ highWaterMark: 1 });
  }

  get traffic(): ViewerTraffic {
    return { sentBytes: this.#sentBytes, droppedFrames: this.#droppedFrames, fractionLost: undefined };
  }

  override _read(): void {
    this.#ready = true;
  }

  show(jpeg: Buffer): void {
    if (this.destroyed) return;
    if (!this.#ready) {
      this.#droppedFrames += 1;
      return;
    }
    this.#ready = false;
    this.#sentBytes += jpeg.length;
    const head = `--${BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`;
    this.push(Buffer.concat([Buffer.from(head), jpeg, Buffer.from('\r\n')]));
  }

  end(reason: string): void {
    this.reason = reason;
    this.push(null);
    this.destroy();
  }
}
