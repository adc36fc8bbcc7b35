import type { Readable } from 'node:stream';
import { type InputPipe, RtpInput } from '../convert/rtp-input.ts';
import { Child } from '../lib/child.ts';
import type { Log } from '../lib/log.ts';
import { type Part, type PartReader, PartSplitter } from './part-splitter.ts';
import { type PipelineOptions, recorderArguments } from './pipeline.ts';

export interface RecorderConverterOptions extends PipelineOptions {
  readonly reader: PartReader;
  readonly part: (part: Part) => void;
  readonly log: Log;
}

/** The one life of the process that makes a recording's container. It ends when all its inputs have. */
export class RecorderConverter {
  /** In the order of the media. */
  readonly inputs: readonly RtpInput[];
  /** Resolves when everything has come out, with what was wrong about its end, in words; undefined: nothing. */
  readonly ended: Promise<string | undefined>;
  readonly #child: Child<never, never>;

  constructor(options: RecorderConverterOptions) {
    const { format, media, reader, part, log } = options;
    let firstWords: string | undefined;
    const child = new Child<never, never>({
      run: { program: 'gst-launch-1.0', args: recorderArguments(options) },
      name: `recorder ${format.container}`,
      pipes: media.length + 1,
      log: heard(log, (words) => {
        firstWords ??= words;
      }),
    });
    this.#child = child;
    this.inputs = media.map(({ codec }, index) => new RtpInput(child.pipes[index] as InputPipe, codec));
    const splitter = new PartSplitter(reader);
    const output = child.pipes[media.length] as Readable;
    output.on('data', (chunk: Buffer) => {
      for (const each of splitter.push(chunk)) part(each);
    });
    const closed = new Promise<void>((resolve) => output.once('close', resolve));
    this.ended = Promise.all([closed, child.exited]).then(([, { code, signal }]) => {
      if (code === 0) return undefined;
      const words = firstWords === undefined ? '' : `: ${firstWords}`;
      return `The recorder's converter ended (${signal ?? `code ${code}`})${words}`;
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.running;
  }

  /** For one that hangs. */
  kill(): void {
    this.#child.kill(false);
  }
}

/** The same log, and what it warns of. */
function heard(log: Log, keep: (message: string) => void): Log {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => {
      if (message !== undefined) keep(message);
      log.warn(fields, message);
    },
    error: (fields, message) => log.error(fields, message),
    child: (bindings) => heard(log.child(bindings), keep),
  };
}
