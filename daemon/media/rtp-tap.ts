import type { RtpFrame } from '../rtp/rtp-frame.ts';
import type { RtpStream } from '../rtp/rtp-stream.ts';
import { type MediaStreamTrack, sourceOf, watchEnd } from './media-stream-track.ts';

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
 * the reader waits for a key frame itself (`FrameGate`). A disabled track delivers nothing, and begins with a key frame
 * when it is enabled again.
 */
export function tapRtp(track: MediaStreamTrack, handlers: RtpTapHandlers): RtpTap {
  const source = sourceOf(track);
  const tap = { rtp: source.rtp, requestKeyFrame: () => source.requestKeyFrame() };
  if (track.readyState === 'ended') {
    const timer = setImmediate(() => handlers.ended?.());
    return { ...tap, close: () => clearImmediate(timer) };
  }
  const release = source.retain();
  let interrupted = false;
  const removeListener = source.rtp.onFrame((frame) => {
    if (!track.enabled) interrupted = true;
    else if (interrupted && !frame.keyFrame) source.requestKeyFrame();
    else {
      interrupted = false;
      handlers.frame(frame);
    }
  });
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
