import { CatchUp } from '../rtp/catch-up.ts';
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
  /**
   * The reader begins here, and needs a key frame. Of a source that cannot be asked for one it gets the frames since the
   * last, in slices, and then what follows: numbered without a gap, from {@link RtpStream.joinsAt} on.
   * @returns false where a key frame was asked for instead.
   */
  join(): boolean;
  close(): void;
}

/**
 * Opens the RTP of a track: what every publisher reads. Frames come as the source delivers them, beginning anywhere:
 * the reader waits for a key frame itself (`FrameGate`), or joins.
 * @param encoded the track in another codec, where that is read.
 */
export function tapRtp(track: MediaStreamTrack, handlers: RtpTapHandlers, encoded = encodedOf(track)): RtpTap {
  const { rtp } = encoded;
  const reader = new CatchUp<RtpFrame>((frame) => handlers.frame(frame));
  const tap = {
    rtp,
    requestKeyFrame: () => encoded.requestKeyFrame(),
    join: () => {
      const frames = rtp.joiningFrames();
      if (frames.length > 0) reader.begin(frames);
      else encoded.requestKeyFrame();
      return frames.length > 0;
    },
  };
  if (track.readyState === 'ended') {
    const timer = setImmediate(() => handlers.ended?.());
    return { ...tap, close: () => clearImmediate(timer) };
  }
  const release = encoded.retain();
  const removeListener = rtp.onFrame((frame) => reader.push(frame));
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    removeListener();
    reader.stop();
    removeWatcher();
    release();
  };
  const removeWatcher = watchEnd(track, () => {
    close();
    handlers.ended?.();
  });
  return { ...tap, close };
}
