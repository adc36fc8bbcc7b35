import { Socket } from 'node:net';
import { initLogger } from 'node-datachannel';
import { childLog } from '../../lib/child.ts';
import { InterleavedSplitter } from '../../rtp/framing.ts';
import type { FromWorker, PeerMedia, ToWorker, WorkerConfiguration, WorkerStatistics } from './messages.ts';
import { Peer } from './peer.ts';
import { SentTrack } from './sent-track.ts';
import { SpinDetector } from './spin-detector.ts';

/** The descriptor of the media pipe: the first behind the IPC channel. */
const MEDIA_FD = 4;
const HEARTBEAT_MS = 1000;
const SPINNING_SECONDS = 5;
/** Between two key frame requests for a track, in milliseconds. */
const KEY_FRAME_INTERVAL_MS = 400;

/** The child process that holds what is native in WebRTC: ICE, DTLS and SRTP of every viewer. */
class Worker {
  readonly #log = childLog();
  readonly #peers = new Map<string, Peer>();
  readonly #tracks = new Map<number, SentTrack>();
  /** Peers that a slot feeds. */
  readonly #viewers = new Map<number, Set<Peer>>();
  readonly #keyFrameRequests = new Map<number, number>();
  readonly #spinDetector = new SpinDetector({ samples: SPINNING_SECONDS, share: 0.9 });
  readonly #statistics: WorkerStatistics = {
    packetsSent: 0,
    packetsRetransmitted: 0,
    nacks: 0,
    keyFrameRequests: 0,
  };
  #configuration: WorkerConfiguration | undefined;
  #stopping = false;

  start(): void {
    initLogger('Warning', (level, message) =>
      this.#log[level === 'Warning' ? 'debug' : 'error']({ library: level }, message),
    );
    const splitter = new InterleavedSplitter((channel, packet) => this.#media(channel, packet));
    new Socket({ fd: MEDIA_FD }).on('data', (chunk) => splitter.push(chunk)).on('end', () => this.#stop());
    process.on('message', (message) => this.#command(message as ToWorker));
    process.on('disconnect', () => this.#stop());
    process.on('SIGTERM', () => this.#stop());
    // A terminal sends it to the whole group: the daemon closes its viewers in order.
    process.on('SIGINT', () => undefined);
    setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#tell({ type: 'ready' });
  }

  #command(message: ToWorker): void {
    switch (message.type) {
      case 'configure':
        this.#configuration = message.configuration;
        break;
      case 'offer':
        this.#accept(message.peer, message.sdp, message.media);
        break;
      case 'candidates':
        this.#addCandidates(message.peer, message.mid, message.candidates);
        break;
      case 'close':
        this.#remove(message.peer);
        break;
      case 'stop':
        this.#stop();
        break;
    }
  }

  #accept(id: string, sdp: string, media: readonly PeerMedia[]): void {
    if (this.#configuration === undefined) return;
    let peer: Peer | undefined;
    try {
      peer = new Peer({
        id,
        sends: media.map((medium) => ({ media: medium, track: this.#trackOf(medium) })),
        configuration: this.#configuration,
        statistics: this.#statistics,
        events: {
          answer: (answer) => this.#tell({ type: 'answer', peer: id, sdp: answer }),
          connected: () => this.#tell({ type: 'connected', peer: id }),
          closed: (reason) => {
            this.#remove(id);
            this.#tell({ type: 'closed', peer: id, reason });
          },
          keyFrameNeeded: (slot) => this.#requestKeyFrame(slot),
        },
      });
      this.#peers.set(id, peer);
      peer.accept(sdp);
      for (const slot of peer.slots) this.#viewersOf(slot).add(peer);
    } catch (error) {
      this.#remove(id);
      peer?.close();
      this.#tell({ type: 'refused', peer: id, message: error instanceof Error ? error.message : String(error) });
    }
  }

  #trackOf({ slot, codec, ssrc }: PeerMedia): SentTrack {
    let track = this.#tracks.get(slot);
    if (track?.ssrc !== ssrc) this.#tracks.set(slot, (track = new SentTrack({ codec, ssrc })));
    return track as SentTrack;
  }

  #addCandidates(id: string, mid: string, candidates: readonly string[]): void {
    for (const candidate of candidates) {
      try {
        this.#peers.get(id)?.addCandidate(candidate, mid);
      } catch (error) {
        this.#log.debug({ err: error, peer: id }, 'candidate not taken');
      }
    }
  }

  #remove(id: string): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    this.#peers.delete(id);
    for (const slot of peer.slots) {
      const viewers = this.#viewersOf(slot);
      viewers.delete(peer);
      if (viewers.size > 0) continue;
      this.#viewers.delete(slot);
      this.#tracks.delete(slot);
      this.#keyFrameRequests.delete(slot);
    }
    peer.close();
  }

  #media(channel: number, packet: Buffer): void {
    const slot = channel >> 1;
    const viewers = this.#viewers.get(slot);
    if (viewers === undefined) return;
    if ((channel & 1) === 1) {
      for (const peer of viewers) peer.sendReport(slot, packet);
      return;
    }
    const frame = this.#tracks.get(slot)?.push(packet);
    if (frame === undefined) return;
    let waiting = false;
    for (const peer of viewers) if (peer.sendFrame(slot, frame)) waiting = true;
    if (waiting) this.#requestKeyFrame(slot);
  }

  #requestKeyFrame(slot: number): void {
    const now = performance.now();
    if (now - (this.#keyFrameRequests.get(slot) ?? Number.NEGATIVE_INFINITY) < KEY_FRAME_INTERVAL_MS) return;
    this.#keyFrameRequests.set(slot, now);
    this.#tell({ type: 'key-frame', slot });
  }

  #viewersOf(slot: number): Set<Peer> {
    let viewers = this.#viewers.get(slot);
    if (viewers === undefined) this.#viewers.set(slot, (viewers = new Set()));
    return viewers;
  }

  #beat(): void {
    for (const peer of [...this.#peers.values()]) peer.tick();
    if (this.#spinDetector.sample()) this.#tell({ type: 'spinning', seconds: SPINNING_SECONDS });
    const peers = [...this.#peers.values()].map(({ report }) => report);
    this.#tell({ type: 'heartbeat', statistics: this.#statistics, peers });
  }

  #tell(message: FromWorker): void {
    if (process.connected) process.send?.(message, () => undefined);
  }

  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const id of [...this.#peers.keys()]) this.#remove(id);
    // The library's own clean-up can hang on a thread of its own; DTLS closes go out with the sends above.
    if (process.connected) process.disconnect();
    setTimeout(() => process.exit(0), 50);
  }
}

new Worker().start();
