import { CaptureError } from './capture-error.ts';
import type { PictureFormat } from './worker-messages.ts';

/** A picture in the format that was asked for, with its size in pixels. */
export interface Picture {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

export interface PictureRequestsOptions {
  /** Milliseconds. */
  timeout: number;
  /** Asks the worker; false when there is none. */
  send: (id: number, format: PictureFormat) => boolean;
}

/** Pairs the pictures that come back from a worker with those who wait for them. */
export class PictureRequests {
  readonly #options: PictureRequestsOptions;
  readonly #pending = new Map<number, { resolve: (picture: Picture) => void; reject: (error: CaptureError) => void }>();
  #lastId = 0;

  constructor(options: PictureRequestsOptions) {
    this.#options = options;
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`. */
  async take(format: PictureFormat): Promise<Picture> {
    const id = ++this.#lastId;
    const { timeout, send } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Picture>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        timer = setTimeout(() => reject(new CaptureError('timeout', `no picture within ${timeout / 1000} s`)), timeout);
        if (!send(id, format)) reject(new CaptureError('not-live', 'the device is not open'));
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  taken(id: number, picture: Picture): void {
    this.#pending.get(id)?.resolve(picture);
  }

  failed(id: number, message: string): void {
    this.#pending.get(id)?.reject(new CaptureError('failed', message));
  }

  /** The worker is gone: nobody who waits gets a picture. */
  fail(error: CaptureError): void {
    for (const { reject } of this.#pending.values()) reject(error);
  }
}
