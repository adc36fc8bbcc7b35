import type { RtpFrame } from '../rtp/rtp-frame.ts';
import type { RtpStream } from '../rtp/rtp-stream.ts';
import { type MediaStreamTrack, sourceOf, watchEnd } from './media-stream-track.ts';

export interface RtpTapHandlers {
  frame(frame: RtpFrame): void;
  /** The track ended for good, by stop() or by its source; the tap is closed. */
  ended?(): void;
}

/** A reader of a track's RTP. The device runs as long as one is open. */
export interface RtpTap {
  readonly rtp: RtpStream;
  /** Asks the source for a key frame; coalesced with the wishes of others. */
  requestKeyFrame(): void;
  close(): void;
}

/**
 * Opens the RTP of a track: what every publisher reads. Frames come as the source delivers them, beginning anywhere:
 * the reader waits for a key frame itself (`FrameGate`). A disabled track delivers nothing.
 */
export function tapRtp(track: MediaStreamTrack, handlers: RtpTapHandlers): RtpTap {
  const source = sourceOf(track);
  let close = (): void => undefined;
  if (track.readyState === 'live') {
    const release = source.retain();
    const removeListener = source.rtp.onFrame((frame) => {
      if (track.enabled) handlers.frame(frame);
    });
    const removeWatcher = watchEnd(track, () => {
      close();
      handlers.ended?.();
    });
    close = () => {
      close = () => undefined;
      removeListener();
      removeWatcher();
      release();
    };
  }
  return { rtp: source.rtp, requestKeyFrame: () => source.requestKeyFrame(), close: () => close() };
}
