import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VIDEO_CODECS, type VideoCodec } from '../../config/codecs.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { type EncoderTrial, fileStamp } from './encoder-trial.ts';
import { ENCODERS } from './encoders.ts';

/** What is known of the encoders of each codec. */
export type EncoderTrialsByCodec = ReadonlyMap<VideoCodec, readonly EncoderTrial[]>;

/** Keeps what trials have shown from start to start, as long as plug-ins, drivers and kernel are the same. */
export class EncoderCache {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Empty where there is nothing that holds. */
  async read(key: string): Promise<Map<VideoCodec, EncoderTrial[]>> {
    const found = new Map<VideoCodec, EncoderTrial[]>();
    try {
      const kept = JSON.parse(await readFile(this.#file, 'utf8')) as Partial<Kept>;
      if (kept.key !== key) return found;
      for (const [path, stamp] of Object.entries(kept.stamps ?? {}))
        if ((await fileStamp(path)) !== stamp) return found;
      for (const codec of VIDEO_CODECS) {
        const trials = kept.codecs?.[codec]?.filter(({ name }) => Object.hasOwn(ENCODERS, name));
        if (trials !== undefined && trials.length > 0) found.set(codec, trials);
      }
      return found;
    } catch {
      return new Map();
    }
  }

  /** @throws Error of the file system. */
  async write(key: string, trials: EncoderTrialsByCodec): Promise<void> {
    const stamps: Record<string, string> = {};
    for (const { file } of [...trials.values()].flat())
      if (file !== undefined)
        for (const path of [file, dirname(file)]) {
          const stamp = await fileStamp(path);
          if (stamp !== undefined) stamps[path] = stamp;
        }
    const kept: Kept = { key, stamps, codecs: Object.fromEntries(trials) };
    await writeFileAtomic(this.#file, `${JSON.stringify(kept)}\n`);
  }
}

interface Kept {
  readonly key: string;
  /** Of the plug-ins, and of the folders that they are in: by path. */
  readonly stamps: Readonly<Record<string, string>>;
  readonly codecs: Readonly<Partial<Record<VideoCodec, EncoderTrial[]>>>;
}
