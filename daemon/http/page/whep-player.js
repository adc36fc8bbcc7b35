import { refusal, request } from './gateway-request.js';

/** Delays between attempts, in milliseconds. */
const RETRY_FIRST_MS = 300;
const RETRY_LAST_MS = 8000;
/** From the offer to a connection. */
const CONNECT_TIMEOUT_MS = 12_000;
const TICK_MS = 1000;

/**
 * Plays a WHEP endpoint (draft-ietf-wish-whep) into a video element and keeps at it: whatever ends the connection, it
 * makes another, with growing delays. Dispatches `change` when `state` or `detail` are new, `figures` each second.
 *
 * `state` is `stopped`, `connecting`, `playing`, `waiting` (connected, but no picture comes), `retrying`,
 * or `refused` (the viewer has to sign in, or may not watch: only {@link hurry} tries again).
 */
export class WhepPlayer extends EventTarget {
  #video;
  #endpoint;
  #connection;
  #session;
  #attempt = 0;
  #timer;
  #ticker;
  #abort;
  #hasVideo = false;
  #last = { bytes: 0, frames: 0, time: 0, still: 0 };

  state = 'stopped';
  /** Why it is retrying, in words for people. */
  detail = '';
  /** Whether the connection has sound. */
  hasAudio = false;
  /** `{ width, height, frameRate, bitrate }` of the last second; undefined while nothing plays. */
  figures;

  constructor(video) {
    super();
    this.#video = video;
  }

  /** Plays this endpoint from now on. */
  play(endpoint) {
    this.stop();
    this.#endpoint = endpoint;
    this.#attempt = 0;
    void this.#connect();
  }

  stop() {
    this.#endpoint = undefined;
    clearTimeout(this.#timer);
    this.#close();
    this.#video.srcObject = null;
    this.#set('stopped');
  }

  /** Tries again now, where it would wait. */
  hurry() {
    if (this.state !== 'retrying' && this.state !== 'refused') return;
    clearTimeout(this.#timer);
    void this.#connect();
  }

  async #connect() {
    const endpoint = this.#endpoint;
    if (this.state !== 'retrying') this.#set('connecting');
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const iceServers = await this.#iceServers(endpoint, abort.signal);
      const connection = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
      this.#connection = connection;
      const stream = new MediaStream();
      connection.addTransceiver('video', { direction: 'recvonly' });
      connection.addTransceiver('audio', { direction: 'recvonly' });
      connection.addEventListener('track', ({ track }) => stream.addTrack(track));
      connection.addEventListener('connectionstatechange', () => this.#connectionChanged(connection));
      const found = [];
      connection.addEventListener('icecandidate', ({ candidate }) => {
        if (candidate !== null) found.push(candidate);
        if (iceServers.length > 0) this.#trickle(found);
      });
      const offer = await connection.createOffer();
      // Without it Chromium mixes Opus down to one channel.
      const sdp = offer.sdp.replace(/useinbandfec=1/g, 'useinbandfec=1;stereo=1');
      await connection.setLocalDescription({ type: 'offer', sdp });
      const timeout = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
      const response = await request(endpoint, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: sdp,
        signal: AbortSignal.any([abort.signal, timeout]),
      });
      if (!response.ok) throw await refusal(response);
      this.#session = {
        url: new URL(response.headers.get('Location'), endpoint).href,
        tag: response.headers.get('ETag'),
      };
      const answer = await response.text();
      if (abort.signal.aborted) {
        this.#leave();
        return;
      }
      await connection.setRemoteDescription({ type: 'answer', sdp: answer });
      this.#hasVideo = connection.getTransceivers().some(isSending('video'));
      this.hasAudio = connection.getTransceivers().some(isSending('audio'));
      this.#video.srcObject = stream;
      this.#video.play().catch(() => undefined);
      if (iceServers.length > 0) this.#trickle(found);
      this.#watch(connection);
    } catch (error) {
      if (abort.signal.aborted) return;
      if (error.status === 401 || error.status === 403) this.#refused(error.message);
      else this.#retry(words(error), error.retryAfter);
    }
  }

  /** What the endpoint's Link headers name (RFC 9725, 4.6). */
  async #iceServers(endpoint, signal) {
    const response = await request(endpoint, { signal });
    if (!response.ok) throw await refusal(response);
    return parseLinks(response.headers.get('Link') ?? '');
  }

  /** Candidates go after the offer, so that it need not wait for them; only behind NAT does the gateway need them at all. */
  #trickle(candidates) {
    const session = this.#session;
    if (session === undefined || candidates.length === 0) return;
    const lines = candidates.splice(0).map(({ candidate }) => `a=${candidate}`);
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': session.tag };
    const body = ['m=video 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', ...lines, ''].join('\r\n');
    request(session.url, { method: 'PATCH', headers, body }).catch(() => undefined);
  }

  #connectionChanged(connection) {
    if (connection !== this.#connection) return;
    if (connection.connectionState === 'failed') this.#retry('The connection failed.');
    else if (connection.connectionState === 'disconnected') void this.#look(connection);
  }

  #watch(connection) {
    const since = performance.now();
    this.#last = { bytes: 0, frames: 0, time: since, still: 0 };
    clearInterval(this.#ticker);
    this.#ticker = setInterval(() => {
      if (
        connection.connectionState !== 'connected' &&
        performance.now() - since > CONNECT_TIMEOUT_MS &&
        this.state !== 'playing'
      )
        this.#retry('No connection: is UDP to the gateway blocked?');
      else void this.#tick(connection);
    }, TICK_MS);
    this.#video.requestVideoFrameCallback?.(() => {
      if (connection === this.#connection) this.#playing();
    });
  }

  async #tick(connection) {
    const stats = await connection.getStats();
    if (connection !== this.#connection) return;
    const sum = { bytes: 0, frames: 0 };
    let video;
    for (const report of stats.values()) {
      if (report.type !== 'inbound-rtp') continue;
      sum.bytes += report.bytesReceived;
      if (report.kind === 'video') {
        video = report;
        sum.frames = report.framesDecoded ?? 0;
      }
    }
    const now = performance.now();
    const seconds = (now - this.#last.time) / 1000;
    // With a picture, sound alone is not playing.
    const moved = this.#hasVideo ? sum.frames > this.#last.frames : sum.bytes > this.#last.bytes;
    const still = moved ? 0 : this.#last.still + 1;
    this.figures = {
      width: video?.frameWidth,
      height: video?.frameHeight,
      frameRate: (sum.frames - this.#last.frames) / seconds,
      bitrate: ((sum.bytes - this.#last.bytes) * 8) / seconds,
    };
    this.#last = { ...sum, time: now, still };
    if (moved) this.#playing();
    else if (still >= 2) {
      if (this.state === 'playing') this.#set('waiting');
      void this.#look(connection);
    }
    this.dispatchEvent(new Event('figures'));
  }

  /** Nothing comes: does the gateway still know us? This is how a restart of it shows within a second or two. */
  async #look(connection) {
    const session = this.#session;
    if (session === undefined) return;
    try {
      const response = await request(session.url, { signal: AbortSignal.timeout(4000) });
      if (connection === this.#connection && response.status === 404) this.#retry('The connection was closed.', 0);
    } catch {
      if (connection === this.#connection) this.#retry('The gateway does not answer.');
    }
  }

  #playing() {
    this.#attempt = 0;
    if (this.state !== 'playing') this.#set('playing');
  }

  /** @param wait seconds that the gateway asks for, or undefined for the usual delay. */
  #retry(detail, wait) {
    this.#close();
    const step = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    const delay = Math.max(step * (0.5 + Math.random() / 2), (wait ?? 0) * 1000);
    this.#set('retrying', detail);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), delay);
  }

  #refused(detail) {
    this.#close();
    this.#set('refused', detail);
  }

  #close() {
    clearInterval(this.#ticker);
    this.#abort?.abort();
    this.#leave();
    this.#connection?.close();
    this.#connection = undefined;
    this.figures = undefined;
  }

  /** Tells the gateway, even while the page goes away. */
  #leave() {
    if (this.#session !== undefined)
      request(this.#session.url, { method: 'DELETE', keepalive: true }).catch(() => undefined);
    this.#session = undefined;
  }

  #set(state, detail = '') {
    if (this.state === state && this.detail === detail) return;
    this.state = state;
    this.detail = detail;
    this.dispatchEvent(new Event('change'));
  }
}

const isSending = (kind) => (transceiver) =>
  transceiver.receiver.track.kind === kind && transceiver.currentDirection === 'recvonly';

function words(error) {
  if (error.name === 'TypeError' || error.name === 'TimeoutError') return 'The gateway does not answer.';
  return error.message;
}

function parseLinks(header) {
  const servers = [];
  for (const [, urls, parameters] of header.matchAll(/<([^>]+)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g)) {
    const named = Object.fromEntries(
      [...parameters.matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [
        key,
        value.replace(/\\(.)/g, '$1'),
      ]),
    );
    if (named.rel !== 'ice-server') continue;
    servers.push(named.username ? { urls, username: named.username, credential: named.credential } : { urls });
  }
  return servers;
}
