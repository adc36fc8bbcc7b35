/** Elements of EBML (RFC 8794), as Matroska and WebM are made of. */

/** Elements that are taken apart; all others are parts as a whole. */
export const SEGMENT = 0x18538067;
export const CLUSTER = 0x1f43b675;
export const TIMESTAMP = 0xe7;
export const INFO = 0x1549a966;
export const DURATION = 0x4489;

export interface ElementHeader {
  readonly id: number;
  /** Bytes of the header. */
  readonly header: number;
  /** Bytes of the content; Infinity where it is not known. */
  readonly content: number;
}

/** The header that the bytes begin with; undefined when it is not all there. */
export function elementHeader(bytes: Buffer): ElementHeader | undefined {
  const idLength = Math.clz32(bytes[0] ?? 0) - 23;
  const first = bytes[idLength];
  if (first === undefined || idLength > 4) return undefined;
  const sizeLength = Math.clz32(first) - 23;
  if (bytes.length < idLength + sizeLength) return undefined;
  let content = first & (0xff >> sizeLength);
  let unknown = content === 0xff >> sizeLength;
  for (let at = idLength + 1; at < idLength + sizeLength; at++) {
    const byte = bytes[at] as number;
    content = content * 256 + byte;
    unknown &&= byte === 0xff;
  }
  return {
    id: bytes.readUIntBE(0, idLength),
    header: idLength + sizeLength,
    content: unknown ? Infinity : content,
  };
}

/** An element whose content is shorter than 16 KiB. */
export function element(id: number, content: Buffer): Buffer {
  const idLength = id > 0xffffff ? 4 : id > 0xffff ? 3 : id > 0xff ? 2 : 1;
  const header = Buffer.alloc(idLength + 2);
  header.writeUIntBE(id, 0, idLength);
  header.writeUInt16BE(0x4000 | content.length, idLength);
  return Buffer.concat([header, content]);
}
