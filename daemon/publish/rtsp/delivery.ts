import { interleave } from '../../rtp/framing.ts';
import type { RtpFrame } from '../../rtp/rtp-frame.ts';
import type { TcpOutlet } from './tcp-outlet.ts';
import type { UdpPorts } from './udp-ports.ts';

/** How the packets of one track reach one viewer. */
export interface Delivery {
  /** Bytes that wait ahead of the next frame. */
  readonly queuedBytes: number;
  sendFrame(frame: RtpFrame): void;
  sendRtcp(packet: Buffer): void;
}

/** Over the RTSP connection itself, on two interleaved channels: one write of shared bytes for each frame. */
export class TcpDelivery implements Delivery {
  readonly #outlet: TcpOutlet;
  readonly #rtpChannel: number;
  readonly #rtcpChannel: number;

  constructor(outlet: TcpOutlet, channels: readonly [number, number]) {
    this.#outlet = outlet;
    [this.#rtpChannel, this.#rtcpChannel] = channels;
  }

  get queuedBytes(): number {
    return this.#outlet.queuedBytes;
  }

  sendFrame(frame: RtpFrame): void {
    this.#outlet.write(frame.onChannel(this.#rtpChannel));
  }

  sendRtcp(packet: Buffer): void {
    this.#outlet.write(interleave(this.#rtcpChannel, packet));
  }
}

/** Over UDP, from the server's one pair of ports to the viewer's. */
export class UdpDelivery implements Delivery {
  readonly #ports: UdpPorts;
  readonly #address: string;
  readonly #rtpPort: number;
  readonly #rtcpPort: number;

  constructor(ports: UdpPorts, address: string, clientPorts: readonly [number, number]) {
    this.#ports = ports;
    this.#address = address;
    [this.#rtpPort, this.#rtcpPort] = clientPorts;
  }

  get queuedBytes(): number {
    return this.#ports.queuedBytes;
  }

  sendFrame(frame: RtpFrame): void {
    this.#ports.sendRtp(frame.packets, this.#address, this.#rtpPort);
  }

  sendRtcp(packet: Buffer): void {
    this.#ports.sendRtcp(packet, this.#address, this.#rtcpPort);
  }
}
