import { MediaClock } from '../../daemon/lib/clock.ts';
import type { MediaTrackSettings, TrackSource, TrackSourceObserver } from '../../daemon/media/track-source.ts';
import { H264, OPUS } from '../../daemon/rtp/codec.ts';
import { RtpStream } from '../../daemon/rtp/rtp-stream.ts';
import { rtpPacket } from './rtp-packets.ts';

/** A source that says nothing of itself: it mutes, ends and sends frames when the test wants it, and counts what is asked of it. */
export class QuietSource implements TrackSource {
  readonly kind: 'audio' | 'video';
  readonly deviceId = 'quiet';
  readonly groupId = 'quiet';
  readonly label: string;
  muted = false;
  mutedReason: string | undefined = undefined;
  readonly rtp: RtpStream;
  attached = 0;
  retained = 0;
  keyFrameRequests = 0;
  readonly observers = new Set<TrackSourceObserver>();
  #sequence = 0;

  constructor(kind: 'audio' | 'video' = 'video', label = `Quiet ${kind}`) {
    this.kind = kind;
    this.label = label;
    this.rtp = new RtpStream({ codec: kind === 'video' ? H264 : OPUS, clock: new MediaClock(), cname: 'quiet' });
  }

  settings(): MediaTrackSettings {
    return this.kind === 'video' ? { width: 640, height: 480, frameRate: 25 } : { sampleRate: 48_000, channelCount: 2 };
  }

  observe(observer: TrackSourceObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  attach(): void {
    this.attached += 1;
  }

  detach(): void {
    this.attached -= 1;
  }

  retain(): () => void {
    this.retained += 1;
    let held = true;
    return () => {
      if (held) this.retained -= 1;
      held = false;
    };
  }

  requestKeyFrame(): void {
    this.keyFrameRequests += 1;
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    this.mutedReason = muted ? 'unplugged' : undefined;
    for (const observer of [...this.observers]) observer.mutedChanged();
  }

  end(): void {
    for (const observer of [...this.observers]) observer.ended();
  }

  /** Sends one frame of one packet. */
  send(keyFrame = true): void {
    const payload = Buffer.from([keyFrame ? 0x65 : 0x41, 1, 2, 3]);
    const sequence = this.#sequence++;
    this.rtp.push(rtpPacket({ payload, marker: true, sequence, timestamp: sequence * 3000 }));
  }
}
