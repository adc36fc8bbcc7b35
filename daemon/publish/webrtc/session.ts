import { randomBytes } from 'node:crypto';
import type { Log } from '../../lib/log.ts';
import type { Viewer, ViewerObserver, ViewerTraffic } from '../viewer.ts';
import type { PeerMedia, PeerReport } from './messages.ts';
import type { NegotiatedMedia } from './offer.ts';
import type { SentRendition } from './track-feed.ts';
import type { TrackFeeds } from './track-feeds.ts';
import { WebRtcError } from './webrtc-error.ts';

export interface SessionOptions extends Pick<Viewer, 'stream' | 'remoteAddress' | 'user'> {
  feeds: TrackFeeds;
  viewers: ViewerObserver;
  log: Log;
}

/** A viewer from its offer to its end: the feeds that it holds meanwhile, and what the worker says of it. */
export class Session {
  readonly viewer: Viewer;
  readonly #options: SessionOptions;
  readonly #sent: SentRendition[] = [];
  #connected = false;
  /** Frames of its tracks that nobody got, before it came. */
  #droppedBefore = 0;
  /** The worker's newest. */
  #report: PeerReport | undefined;
  /** Awaits the worker's answer. */
  #pending: { resolve(sdp: string): void; reject(error: WebRtcError): void } | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { stream, remoteAddress, user } = options;
    this.viewer = {
      id: randomBytes(16).toString('base64url'),
      protocol: 'webrtc',
      stream,
      remoteAddress,
      user,
      since: Date.now(),
      traffic: () => this.#traffic,
    };
  }

  /** From here on it counts as a viewer. */
  get connected(): boolean {
    return this.#connected;
  }

  /** None of its tracks lives any more: a viewer stays as long as one does. */
  get over(): boolean {
    return this.#sent.every(({ track }) => track.readyState === 'ended');
  }

  /** Holds the feed of a track until the session ends. @returns what the worker has to know. @throws WebRtcError `busy`. */
  hold(sent: SentRendition, negotiated: NegotiatedMedia): PeerMedia {
    const { feeds, stream } = this.#options;
    const { slot, tap } = feeds.retain(sent, stream);
    this.#sent.push(sent);
    const { ssrc, cname, keepsGroup } = tap.rtp;
    return { ...negotiated, slot, ssrc, cname, keepsGroup, msid: { stream, track: sent.track.id } };
  }

  /** Resolves with the answer to the viewer's offer. @throws WebRtcError `invalid`, `unavailable`; as a rejection. */
  answer(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  answered(sdp: string): void {
    this.#pending?.resolve(sdp);
  }

  refused(message: string): void {
    this.#pending?.reject(new WebRtcError('invalid', `the offer was not taken: ${message}`));
  }

  /** The connection stands. */
  connect(): void {
    if (this.#connected) return;
    const { feeds, viewers } = this.#options;
    this.#connected = true;
    this.#droppedBefore = feeds.droppedFrames(this.#sent);
    viewers.joined(this.viewer);
    // Without a first report the viewer cannot put sound and picture together.
    feeds.sendReports(this.#sent);
  }

  reported(report: PeerReport): void {
    this.#report = report;
  }

  /** The last thing that is called. */
  end(reason: string): void {
    const { stream, remoteAddress, feeds, viewers, log } = this.#options;
    this.#pending?.reject(new WebRtcError('unavailable', `the connection was not made: ${reason}`));
    if (this.#connected) viewers.left(this.viewer, reason);
    else log.info({ stream, remoteAddress, reason }, 'WebRTC viewer did not connect');
    for (const sent of this.#sent) feeds.release(sent);
  }

  get #traffic(): ViewerTraffic {
    return {
      sentBytes: this.#report?.sentBytes ?? 0,
      droppedFrames: this.#options.feeds.droppedFrames(this.#sent) - this.#droppedBefore,
      fractionLost: this.#report?.fractionLost,
    };
  }
}
