import type { EncodedTrack } from './encoded-track.ts';

/** Who makes JPEGs of what a track shows now. */
export interface JpegMaker {
  /** The same as long as it is the same one. */
  readonly name: string;
  watch(reader: (jpeg: Buffer) => void): () => void;
}

interface Reading {
  readonly track: EncodedTrack;
  readonly reader: (jpeg: Buffer) => void;
  maker: string | undefined;
  stop: () => void;
}

/** Readers of JPEGs, each with whoever makes them of its track: the device, a decoder or a slate, as those change. */
export class JpegReaders {
  readonly #makerOf: (track: EncodedTrack) => JpegMaker | undefined;
  readonly #readings = new Set<Reading>();

  constructor(makerOf: (track: EncodedTrack) => JpegMaker | undefined) {
    this.#makerOf = makerOf;
  }

  /** The tracks that are read. */
  get tracks(): EncodedTrack[] {
    return [...this.#readings].map(({ track }) => track);
  }

  add(track: EncodedTrack, reader: (jpeg: Buffer) => void): () => void {
    const reading: Reading = { track, reader, maker: undefined, stop: () => undefined };
    this.#readings.add(reading);
    this.update();
    return () => {
      if (this.#readings.delete(reading)) reading.stop();
    };
  }

  /** What a track shows may have changed. */
  update(): void {
    for (const reading of this.#readings) {
      const maker = this.#makerOf(reading.track);
      if (maker?.name === reading.maker) continue;
      reading.maker = maker?.name;
      reading.stop();
      reading.stop = maker?.watch(reading.reader) ?? (() => undefined);
    }
  }
}
