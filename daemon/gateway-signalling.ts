import { ControlError, type ControlErrorCode, type SignallingPort } from './control/gateway-port.ts';
import type { WebRtcPublisher } from './publish/webrtc/publisher.ts';
import { WebRtcError, type WebRtcErrorCode } from './publish/webrtc/webrtc-error.ts';

/** How a refused offer shows to whoever signalled over the control surface. */
const CODES: Readonly<Record<WebRtcErrorCode, ControlErrorCode>> = {
  not_found: 'not_found',
  not_live: 'unavailable',
  invalid: 'invalid_request',
  unacceptable: 'invalid_request',
  busy: 'busy',
  unavailable: 'unavailable',
};

/** What the broker stands for where a network address would be. */
const REMOTE_ADDRESS = 'mqtt';

/** WebRTC for viewers who have nothing but the control surface; the sessions are those of the publisher that WHEP uses. */
export class GatewaySignalling implements SignallingPort {
  readonly #publisher: () => WebRtcPublisher | undefined;

  /** @param options `publisher`: undefined where WebRTC is off. */
  constructor(options: { publisher: () => WebRtcPublisher | undefined }) {
    this.#publisher = options.publisher;
  }

  async offer({
    stream,
    rid,
    sdp,
    kinds,
  }: Parameters<SignallingPort['offer']>[0]): Promise<{ session: string; sdp: string }> {
    try {
      const answer = await this.#webrtc().offer({
        stream,
        rid,
        sdp,
        kinds,
        remoteAddress: REMOTE_ADDRESS,
        user: undefined,
      });
      return { session: answer.id, sdp: answer.sdp };
    } catch (error) {
      throw asControlError(error, error instanceof WebRtcError && error.code === 'not_found' ? '/stream' : '/sdp');
    }
  }

  addCandidate(session: string, mid: string, candidate: string): void {
    // RTCIceCandidate writes the attribute with its name (W3C WebRTC, 4.8.1).
    const value = candidate.replace(/^candidate:/, '');
    try {
      this.#webrtc().addCandidates(session, mid, value === '' ? [] : [value]);
    } catch (error) {
      throw asControlError(error, '/session');
    }
  }

  close(session: string): void {
    if (!this.#webrtc().close(session))
      throw new ControlError('not_found', 'there is no such session; it may have ended', '/session');
  }

  #webrtc(): WebRtcPublisher {
    const publisher = this.#publisher();
    if (publisher === undefined) throw new ControlError('unavailable', 'WebRTC is off; webrtc.enabled turns it on');
    return publisher;
  }
}

function asControlError(error: unknown, path: string): unknown {
  return error instanceof WebRtcError ? new ControlError(CODES[error.code], error.message, path) : error;
}
