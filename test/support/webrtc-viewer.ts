import { Audio, cleanup, PeerConnection, type Track, Video } from 'node-datachannel';
import { payloadType } from '../../daemon/rtp/packet.ts';

export interface WebRtcViewerOptions {
  /** What it offers to receive. */
  kinds?: readonly ('video' | 'audio')[];
  /** False: media is counted, not kept. */
  keep?: boolean;
  /** Sees each packet as it comes, RTCP included. */
  packet?: (kind: 'video' | 'audio', packet: Buffer) => void;
  /** Sends the offer; returns the answer. */
  signal: (offer: string) => Promise<string>;
}

export const VIEWER_H264 = 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f';
/** The viewer's own numbers, other than ours. */
export const VIEWER_PAYLOAD_TYPES = { video: 102, audio: 109 } as const;

/** A viewer without a browser: a native peer that keeps what it gets, and says whatever a test wants it to say. */
export class WebRtcViewer {
  readonly #connection: PeerConnection;
  readonly #tracks = new Map<'video' | 'audio', Track>();
  readonly rtp = { video: [] as Buffer[], audio: [] as Buffer[] };
  readonly rtcp: Buffer[] = [];
  /** RTP packets of all kinds. */
  received = 0;
  /** `performance.now()` of the first video packet. */
  firstVideoAt: number | undefined;
  answer = '';
  state = 'new';

  private constructor() {
    this.#connection = new PeerConnection('viewer', {
      iceServers: [],
      disableAutoNegotiation: true,
      bindAddress: '127.0.0.1',
    });
    this.#connection.onStateChange((state) => {
      this.state = state;
    });
  }

  /** Sends its offer and takes the answer; media comes in its own time. */
  static async connect(options: WebRtcViewerOptions): Promise<WebRtcViewer> {
    const viewer = new WebRtcViewer();
    try {
      await viewer.#connect(options);
      return viewer;
    } catch (error) {
      viewer.close();
      throw error;
    }
  }

  send(kind: 'video' | 'audio', packet: Buffer): void {
    this.#tracks.get(kind)?.sendMessageBinary(packet);
  }

  close(): void {
    this.#connection.close();
  }

  async #connect({ kinds = ['video', 'audio'], keep = true, packet, signal }: WebRtcViewerOptions): Promise<void> {
    for (const kind of kinds) this.#addTrack(kind, keep, packet);
    const gathered = new Promise<void>((resolve) => {
      this.#connection.onGatheringStateChange((state) => {
        if (state === 'complete') resolve();
      });
    });
    this.#connection.setLocalDescription('offer');
    await gathered;
    // Without candidates, as browsers hide theirs: else the gateway's checks may connect ICE before this library has the
    // answer's fingerprint, and its DTLS then takes the gateway for a stranger.
    const offer =
      this.#connection.localDescription()?.sdp.replaceAll(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, '') ?? '';
    this.answer = await signal(offer);
    this.#connection.setRemoteDescription(this.answer, 'answer');
  }

  #addTrack(kind: 'video' | 'audio', keep: boolean, seen: WebRtcViewerOptions['packet']): void {
    const media = kind === 'video' ? new Video('v', 'RecvOnly') : new Audio('a', 'RecvOnly');
    if (media instanceof Video) media.addH264Codec(VIEWER_PAYLOAD_TYPES.video, VIEWER_H264);
    else media.addOpusCodec(VIEWER_PAYLOAD_TYPES.audio);
    const track = this.#connection.addTrack(media);
    track.onMessage((packet) => {
      seen?.(kind, packet);
      const type = payloadType(packet);
      if (type >= 72 && type <= 79) this.rtcp.push(Buffer.from(packet));
      else {
        if (kind === 'video') this.firstVideoAt ??= performance.now();
        this.received += 1;
        if (keep) this.rtp[kind].push(Buffer.from(packet));
      }
    });
    this.#tracks.set(kind, track);
  }
}

/** Lets go of everything native, which otherwise keeps the process from ending. */
export function releaseViewers(): void {
  cleanup();
}
