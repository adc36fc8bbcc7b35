import { CLUSTER, DURATION, element, elementHeader, INFO, SEGMENT, TIMESTAMP } from './ebml.ts';
import type { PartReader } from './part-splitter.ts';

/** Room for the longest header of an element. */
const LONGEST_HEADER = 12;

/** Matroska and WebM (RFC 9559) as they are streamed: clusters of unknown size, cut between the blocks in them. */
export class WebmReader implements PartReader {
  measure(bytes: Buffer): number {
    const next = elementHeader(bytes);
    if (next === undefined) return Math.min(bytes.length + 1, LONGEST_HEADER);
    if (next.id === SEGMENT) return next.header;
    // A cluster begins with its time, and is of no use without.
    if (next.id === CLUSTER) return next.header + this.measure(bytes.subarray(next.header));
    return next.header + next.content;
  }

  timeOf(part: Buffer): number | undefined {
    const cluster = elementHeader(part);
    if (cluster?.id !== CLUSTER) return undefined;
    const child = part.subarray(cluster.header);
    const timestamp = elementHeader(child);
    if (timestamp?.id !== TIMESTAMP) return undefined;
    // In milliseconds: the muxer leaves the scale as it is.
    return child.readUIntBE(timestamp.header, timestamp.content);
  }

  withDuration(part: Buffer, duration: number): Buffer {
    const info = elementHeader(part);
    if (info?.id !== INFO) return part;
    const value = Buffer.alloc(8);
    value.writeDoubleBE(duration);
    return element(INFO, Buffer.concat([part.subarray(info.header), element(DURATION, value)]));
  }
}
