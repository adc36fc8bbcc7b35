import { type Delivery, TcpDelivery, UdpDelivery } from './delivery.ts';
import { type AgreedTransport, parseTransport, type TransportOffer } from './headers.ts';
import { RtspError } from './rtsp-error.ts';
import type { TcpOutlet } from './tcp-outlet.ts';
import type { UdpPorts } from './udp-ports.ts';

export interface DeliveryNegotiatorOptions {
  /** Missing where UDP is switched off. */
  udp: UdpPorts | undefined;
  outlet: TcpOutlet;
  remoteAddress: string;
}

/** Agrees with one viewer on how its tracks travel, and keeps the books on channels and ports. */
export class DeliveryNegotiator {
  readonly #options: DeliveryNegotiatorOptions;
  readonly #usedChannels = new Set<number>();
  /** Who takes RTCP, by interleaved channel. */
  readonly #rtcp = new Map<number, (packet: Buffer) => void>();
  readonly #releases: (() => void)[] = [];

  constructor(options: DeliveryNegotiatorOptions) {
    this.#options = options;
  }

  /**
   * The first offer of a Transport header that can be served.
   * @param lower what the other tracks of the session use; all have to use the same.
   * @throws RtspError `unsupported_transport`, or `bad_request` for a missing or malformed header.
   */
  choose(header: string | undefined, lower: 'udp' | 'tcp' | undefined): TransportOffer {
    if (header === undefined) throw new RtspError('bad_request', 'Transport: required');
    const udp = this.#options.udp !== undefined;
    const offer = parseTransport(header).find(
      (candidate) =>
        candidate.delivery === 'unicast' &&
        (lower === undefined || candidate.lower === lower) &&
        (candidate.lower === 'tcp' || (udp && candidate.clientPort !== undefined)),
    );
    if (offer !== undefined) return offer;
    const supported = `RTP/AVP/TCP;unicast;interleaved=a-b${udp ? ' or RTP/AVP;unicast;client_port=a-b' : ''}`;
    throw new RtspError('unsupported_transport', `Transport: ${supported}, the same for all tracks`);
  }

  /**
   * Settles an offer that {@link choose} took.
   * @param rtcp takes what the viewer reports on the track.
   * @throws RtspError `unsupported_transport` when all channels are in use.
   */
  agree(
    { lower, clientPort, interleaved }: TransportOffer,
    rtcp: (packet: Buffer) => void,
  ): { delivery: Delivery; agreed: AgreedTransport } {
    const { udp, outlet, remoteAddress } = this.#options;
    if (lower === 'udp' && udp !== undefined && clientPort !== undefined) {
      this.#releases.push(udp.onRtcp(remoteAddress, clientPort[1], rtcp));
      return {
        delivery: new UdpDelivery(udp, remoteAddress, clientPort),
        agreed: { lower, clientPort, serverPort: udp.ports },
      };
    }
    const channels = this.#channels(interleaved);
    for (const channel of channels) this.#usedChannels.add(channel);
    this.#rtcp.set(channels[1], rtcp);
    return { delivery: new TcpDelivery(outlet, channels), agreed: { lower: 'tcp', interleaved: channels } };
  }

  /** A packet that came on an interleaved channel: only RTCP of a track means anything. */
  receive(channel: number, packet: Buffer): void {
    this.#rtcp.get(channel)?.(packet);
  }

  /** The session is over: nothing is agreed any more. */
  release(): void {
    for (const release of this.#releases.splice(0)) release();
    this.#rtcp.clear();
    this.#usedChannels.clear();
  }

  /** The wished channels, or the first free pair where there is no wish or another track has them. */
  #channels(wished: readonly [number, number] | undefined): readonly [number, number] {
    if (wished !== undefined && !wished.some((channel) => this.#usedChannels.has(channel))) return wished;
    for (let channel = 0; channel < 255; channel += 2)
      if (!this.#usedChannels.has(channel) && !this.#usedChannels.has(channel + 1)) return [channel, channel + 1];
    throw new RtspError('unsupported_transport', 'Transport: no interleaved channel is free');
  }
}
