import type { RtpFrame } from '../rtp/rtp-frame.ts';
import type { RtpStream } from '../rtp/rtp-stream.ts';
import { encodedOf, type MediaStreamTrack, watchEnd } from './media-stream-track.ts';

export interface RtpTapHandlers {
  frame(frame: RtpFrame): void;
  /** The track ended for good, by stop() or by its source, or had ended before; the tap is closed. */
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
 * the reader waits for a key frame itself (`FrameGate`).
 */
export function tapRtp(track: MediaStreamTrack, handlers: RtpTapHandlers): RtpTap {
  const encoded = encodedOf(track);
  const tap = { rtp: encoded.rtp, requestKeyFrame: () => encoded.requestKeyFrame() };
  if (track.readyState === 'ended') {
    const timer = setImmediate(() => handlers.ended?.());
    return { ...tap, close: () => clearImmediate(timer) };
  }
  const release = encoded.retain();
  const removeListener = encoded.rtp.onFrame((frame) => handlers.frame(frame));
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    removeListener();
    removeWatcher();
    release();
  };
  const removeWatcher = watchEnd(track, () => {
    close();
    handlers.ended?.();
  });
  return { ...tap, close };
}
