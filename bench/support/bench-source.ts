import type { TrackSource } from '../../daemon/media/track-source.ts';
import type { RtpStream } from '../../daemon/rtp/rtp-stream.ts';

/** A picture that somebody else pushes into `rtp`: every track over it reads that. */
export function benchSource(rtp: RtpStream, requestKeyFrame: () => void): TrackSource {
  return {
    kind: 'video',
    label: 'bench',
    muted: false,
    mutedReason: undefined,
    capabilities: () => ({}),
    modes: () => [],
    observe: () => () => undefined,
    encode: () => ({
      rtp,
      wanted: true,
      photo: () => Promise.reject(new Error('this source takes no pictures')),
      settings: () => ({}),
      configure: async () => undefined,
      retain: () => () => undefined,
      requestKeyFrame,
      close: () => undefined,
    }),
    hold: () => () => undefined,
    live: async () => undefined,
    setControls: async () => undefined,
    photo: () => Promise.reject(new Error('no photos')),
    grab: () => Promise.reject(new Error('no pictures')),
  };
}
