import type { RtpCodec } from './codec.ts';
import { hasArrived, marker, onvifDiscontinuity, timestamp } from './packet.ts';
import type { PacketSummary } from './packet-summary.ts';
import { packetReader } from './payload.ts';
import { type DeliveredFrame, SourceLosses } from './source-losses.ts';

/** The packets of one picture (RFC 6184 and RFC 7798 call it an access unit), and what was learnt of it on the way. */
export interface AccessUnit extends DeliveredFrame {
  readonly packets: Buffer[];
}

interface OpenUnit extends AccessUnit {
  readonly timestamp: number;
  /** Packets before its first one were lost, which may have been of it. */
  readonly broken: boolean;
  /** False as long as there are parameter sets only. */
  picture: boolean;
  keyFrame: boolean;
  afterLoss: boolean;
  slices: number;
  begins: boolean;
}

const EMPTY_UNIT = { picture: false, keyFrame: false, afterLoss: false, slices: 0, begins: false } as const;

export interface AccessUnitsOptions {
  codec: RtpCodec;
  /**
   * The D bit of the ONVIF extension tells of losses between the source and what packs its packets: in those packets, or in
   * others ahead of them, which have arrived there.
   */
  lossy: boolean;
  /** What each packet says. */
  learn: (summary: PacketSummary) => void;
  /** Nothing more of a picture comes. `damaged`: it is not whole, or refers to one that was lost. */
  complete: (unit: AccessUnit, damaged: boolean) => void;
  /** One was given up before its end. */
  dropped: () => void;
}

/** Puts the packets of a source's pictures together again. */
export class AccessUnits {
  readonly #options: AccessUnitsOptions;
  readonly #summarize: ReturnType<typeof packetReader>;
  readonly #losses: SourceLosses | undefined;
  #unit: OpenUnit | undefined;
  /** Something was lost on its way, before what comes next. */
  #missed = false;

  constructor(options: AccessUnitsOptions) {
    this.#options = options;
    this.#summarize = packetReader(options.codec);
    this.#losses = options.lossy ? new SourceLosses() : undefined;
  }

  /** Whether the packet is not of a picture, but tells of what has arrived. */
  tells(packet: Buffer): boolean {
    if (this.#losses === undefined || !hasArrived(packet)) return false;
    if (onvifDiscontinuity(packet)) this.#missed = true;
    return true;
  }

  /** @param lost packets before this one are missing. */
  push(packet: Buffer, lost: boolean): void {
    if (lost) this.drop();
    const time = timestamp(packet);
    // Not every source sets the marker; an access unit ends where another begins, too.
    if (this.#unit !== undefined && this.#unit.timestamp !== time) this.#complete(this.#unit);
    this.#unit ??= { ...EMPTY_UNIT, packets: [], timestamp: time, broken: lost };
    const unit = this.#unit;
    unit.packets.push(packet);
    const summary = this.#summarize(packet);
    if (summary.picture) unit.picture = true;
    if (summary.keyFrame) unit.keyFrame = true;
    if (summary.begins) unit.begins = true;
    unit.slices += summary.slices ?? 0;
    if (this.#losses !== undefined && (this.#missed || onvifDiscontinuity(packet))) unit.afterLoss = true;
    this.#missed = false;
    this.#options.learn(summary);
    // Parameter sets that the payloader sends ahead of a key frame, with a marker of their own, are a part of it.
    if (marker(packet) && unit.picture) this.#complete(unit);
  }

  /** No more of the current one comes. */
  drop(): void {
    if (this.#unit === undefined) return;
    this.#unit = undefined;
    this.#options.dropped();
  }

  #complete(unit: OpenUnit): void {
    this.#unit = undefined;
    if (!unit.picture) return;
    const damaged = this.#losses?.damage(unit) ?? false;
    this.#options.complete(unit, damaged || unit.broken);
  }
}
