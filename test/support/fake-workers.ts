import type { Duplex } from 'node:stream';
import type { DriverRefusal } from '../../daemon/capture/driver-refusal.ts';
import type { WorkerCommand, WorkerReport } from '../../daemon/capture/worker-messages.ts';
import type { CaptureWorker, CaptureWorkerOptions } from '../../daemon/capture/worker-process.ts';
import type { ChildExit } from '../../daemon/lib/child.ts';

/** A capture worker that only exists in the test, which says what it reports and how it ends. */
export class FakeWorker {
  readonly pid: number;
  readonly pipes: readonly Duplex[] = [];
  readonly sent: WorkerCommand[] = [];
  readonly exited: Promise<ChildExit>;
  running = true;
  readonly #options: CaptureWorkerOptions;
  #exit: (exit: ChildExit) => void = () => undefined;

  constructor(pid: number, options: CaptureWorkerOptions) {
    this.pid = pid;
    this.#options = options;
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
  }

  report(report: WorkerReport): void {
    this.#options.report(report);
  }

  refuse(refusal: DriverRefusal): void {
    this.#options.refused(refusal);
  }

  /** It crashes. */
  crash(signal: NodeJS.Signals = 'SIGSEGV'): void {
    this.#end({ asked: false, killed: false, code: null, signal });
  }

  send(command: WorkerCommand): boolean {
    this.sent.push(command);
    return this.running;
  }

  stop(): Promise<ChildExit> {
    this.#end({ asked: true, killed: false, code: 0, signal: null });
    return this.exited;
  }

  kill(asked = true): void {
    this.#end({ asked, killed: true, code: null, signal: 'SIGKILL' });
  }

  #end(exit: ChildExit): void {
    this.running = false;
    this.#exit(exit);
  }
}

/** Every life of a source's capture, in order. */
export class FakeWorkers {
  readonly lives: FakeWorker[] = [];

  readonly start = (options: CaptureWorkerOptions): CaptureWorker => {
    const worker = new FakeWorker(this.lives.length + 1, options);
    this.lives.push(worker);
    return worker as unknown as CaptureWorker;
  };

  /** The one that runs. */
  get last(): FakeWorker {
    const worker = this.lives.at(-1);
    if (worker === undefined) throw new Error('no life has begun');
    return worker;
  }
}
