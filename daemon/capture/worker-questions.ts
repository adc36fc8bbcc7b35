import { CaptureError } from './capture-error.ts';

/** A picture in the format that was asked for, with its size in pixels. */
export interface Picture {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Pairs what comes back from a worker (a picture, a level) with those who wait for it. */
export class WorkerQuestions {
  /** Milliseconds. */
  readonly #timeout: number;
  readonly #pending = new Map<number, { resolve: (answer: unknown) => void; reject: (error: CaptureError) => void }>();
  #lastId = 0;

  /** @param timeout how long an answer may take, in milliseconds. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /**
   * @param put puts the question to the worker; false when there is none.
   * @throws CaptureError `not-live`, `timeout`, `failed`.
   */
  async ask<Answer>(put: (id: number) => boolean): Promise<Answer> {
    const id = ++this.#lastId;
    const late = `no answer within ${this.#timeout / 1000} s`;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#pending.set(id, { resolve: (answer) => resolve(answer as Answer), reject });
        timer = setTimeout(() => reject(new CaptureError('timeout', late)), this.#timeout);
        if (!put(id)) reject(new CaptureError('not-live', 'the device is not open'));
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  answered(id: number, answer: unknown): void {
    this.#pending.get(id)?.resolve(answer);
  }

  refused(id: number, message: string): void {
    this.#pending.get(id)?.reject(new CaptureError('failed', message));
  }

  /** The worker is gone: nobody who waits gets an answer. */
  fail(error: CaptureError): void {
    for (const { reject } of this.#pending.values()) reject(error);
  }
}
