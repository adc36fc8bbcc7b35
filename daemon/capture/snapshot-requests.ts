import { CaptureError } from './capture-error.ts';

/** A JPEG picture with its size in pixels. */
export interface Snapshot {
  readonly jpeg: Buffer;
  readonly width: number;
  readonly height: number;
}

export interface SnapshotRequestsOptions {
  /** Milliseconds. */
  timeout: number;
  /** Asks the worker; false when there is none. */
  send: (id: number) => boolean;
}

/** Pairs the pictures that come back from a worker with those who wait for them. */
export class SnapshotRequests {
  readonly #options: SnapshotRequestsOptions;
  readonly #pending = new Map<
    number,
    { resolve: (snapshot: Snapshot) => void; reject: (error: CaptureError) => void }
  >();
  #lastId = 0;

  constructor(options: SnapshotRequestsOptions) {
    this.#options = options;
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`. */
  async take(): Promise<Snapshot> {
    const id = ++this.#lastId;
    const { timeout, send } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Snapshot>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        timer = setTimeout(() => reject(new CaptureError('timeout', `no picture within ${timeout / 1000} s`)), timeout);
        if (!send(id)) reject(new CaptureError('not-live', 'the device is not open'));
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  taken(id: number, snapshot: Snapshot): void {
    this.#pending.get(id)?.resolve(snapshot);
  }

  failed(id: number, message: string): void {
    this.#pending.get(id)?.reject(new CaptureError('failed', message));
  }

  /** The worker is gone: nobody who waits gets a picture. */
  fail(error: CaptureError): void {
    for (const { reject } of this.#pending.values()) reject(error);
  }
}
