import type { SoundLevel } from '../media/track-source.ts';
import type { CaptureError } from './capture-error.ts';
import type { PictureFormat, WorkerCommand, WorkerReport } from './worker-messages.ts';
import { type Picture, WorkerQuestions } from './worker-questions.ts';

const ANSWER_TIMEOUT_MS = 8000;

/** What is asked of a capture worker besides the RTP of its tracks: pictures, every picture as a JPEG, how loud it is. */
export class WorkerRequests {
  readonly #questions = new WorkerQuestions(ANSWER_TIMEOUT_MS);
  readonly #jpegReaders = new Set<(jpeg: Buffer) => void>();
  /** To the worker that runs; false where none does. */
  readonly #send: (command: WorkerCommand) => boolean;

  constructor(send: (command: WorkerCommand) => boolean) {
    this.#send = send;
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`. */
  takePicture(format: PictureFormat): Promise<Picture> {
    return this.#questions.ask((id) => this.#send({ type: 'picture', id, format }));
  }

  /** How loud it is, measured for a moment. @throws as {@link takePicture}. */
  async takeLevel(): Promise<SoundLevel> {
    const ask = (id: number): boolean => this.#send({ type: 'level', id });
    const { peak, rms } = await this.#questions.ask<{ peak: number; rms: number }>(ask);
    return { peak: decibels(peak), rms: decibels(rms) };
  }

  /** Hands every picture on as a JPEG, made once for all readers, until the returned function is called. */
  watchJpegs(reader: (jpeg: Buffer) => void): () => void {
    const own = (jpeg: Buffer): void => reader(jpeg);
    this.#jpegReaders.add(own);
    if (this.#jpegReaders.size === 1) this.#send({ type: 'jpegs', open: true });
    return () => {
      if (this.#jpegReaders.delete(own) && this.#jpegReaders.size === 0) this.#send({ type: 'jpegs', open: false });
    };
  }

  /** A worker has got its orders. */
  launched(): void {
    if (this.#jpegReaders.size > 0) this.#send({ type: 'jpegs', open: true });
  }

  jpeg(jpeg: Buffer): void {
    for (const reader of this.#jpegReaders) reader(jpeg);
  }

  answered(report: Extract<WorkerReport, { type: 'picture' | 'level' | 'unanswered' }>): void {
    const { type, id } = report;
    if (type === 'picture') this.#questions.answered(id, { ...report, data: Buffer.from(report.data) });
    else if (type === 'level') this.#questions.answered(id, report);
    else this.#questions.refused(id, report.message);
  }

  /** Nobody who waits gets an answer. */
  fail(error: CaptureError): void {
    this.#questions.fail(error);
  }
}

/** The range of 16 bits, in dB: JSON has no infinity. */
const SILENCE = -96;
const decibels = (amplitude: number): number => Math.max(SILENCE, Math.round(200 * Math.log10(amplitude)) / 10);
