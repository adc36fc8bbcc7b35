import { defineInterface, requireArguments } from '../media/web-idl.ts';
import { dictionary, double, EventInit, instance, required } from '../media/web-idl-types.ts';

export interface BlobEventInit extends EventInit {
  data: Blob;
  timecode?: number;
}

const Init = dictionary<BlobEventInit>(
  'BlobEventInit',
  { data: required(instance(Blob)), timecode: double },
  EventInit,
);

/** `dataavailable`: a piece of a recording (W3C MediaStream Recording, 3). */
export class BlobEvent extends Event {
  readonly #data: Blob;
  readonly #timecode: number;

  static {
    defineInterface(BlobEvent, { brand: (value) => #data in value });
  }

  /** @throws TypeError without `data` in the init dictionary. */
  constructor(type: string, eventInitDict: BlobEventInit) {
    requireArguments(arguments, 2, 'BlobEvent constructor');
    const init = Init.convert(eventInitDict, 'BlobEventInit');
    super(type, init);
    this.#data = init.data;
    this.#timecode = init.timecode ?? 0;
  }

  get data(): Blob {
    return this.#data;
  }

  /** Milliseconds between the beginnings of the first piece of the recording and of this one. */
  get timecode(): number {
    return this.#timecode;
  }
}
