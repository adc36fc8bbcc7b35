import type { ChangePlan } from '../config/changes.ts';
import type { StreamSettings } from '../config/settings.ts';
import { ConfiguredStream, type ConfiguredStreamOptions } from './configured-stream.ts';
import { ControlError } from './control/gateway-port.ts';
import type { MediaStream } from './media/media-stream.ts';
import type { StreamDirectory } from './publish/viewer.ts';

export interface StreamRegistryOptions extends ConfiguredStreamOptions {
  streams: Readonly<Record<string, StreamSettings>>;
}

/** The streams of the configuration by name: each is a MediaStream over its sources, captured while somebody wants it. */
export class StreamRegistry implements StreamDirectory {
  readonly #options: StreamRegistryOptions;
  readonly #streams = new Map<string, ConfiguredStream>();

  constructor(options: StreamRegistryOptions) {
    this.#options = options;
  }

  start(): void {
    for (const [name, settings] of Object.entries(this.#options.streams)) this.#add(name, settings);
    for (const stream of this.#streams.values()) stream.open();
  }

  /** Resolves when those that run without a viewer have their first picture and sound, or when patience ends. */
  async firstPictures(patience: AbortSignal): Promise<void> {
    const always = this.all().filter((stream) => stream.settings.start === 'always');
    await Promise.allSettled(always.flatMap((stream) => stream.sources.map((source) => source.live(patience))));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#streams.values()].map((stream) => stream.end('the gateway stops')));
    this.#streams.clear();
  }

  /** Brings the streams of the plan in line with the configuration; the others are not touched. Rejects for what an encoder refuses. */
  async follow(plan: ChangePlan, streams: Readonly<Record<string, StreamSettings>>): Promise<void> {
    for (const [part, effect] of plan) {
      const [, name] = /^streams\/(.*)$/.exec(part) ?? [];
      if (name === undefined) continue;
      const settings = Object.hasOwn(streams, name) ? streams[name] : undefined;
      const before = this.#streams.get(name);
      if (effect === 'live' && settings !== undefined) await before?.configure(settings);
      else await this.#replace(name, before, settings);
    }
  }

  /** What is made of the encodings for now is another share of them. */
  reductionChanged(): void {
    for (const stream of this.#streams.values()) void stream.reductionChanged();
  }

  async #replace(
    name: string,
    before: ConfiguredStream | undefined,
    settings: StreamSettings | undefined,
  ): Promise<void> {
    const stopped = before?.opened === false;
    await before?.end(settings === undefined ? 'it was deleted' : 'its configuration changes');
    this.#streams.delete(name);
    const stream = settings && this.#add(name, settings);
    // One that somebody stopped stays so.
    if (!stopped) stream?.open();
    this.#options.changed(name);
  }

  #add(name: string, settings: StreamSettings): ConfiguredStream | undefined {
    if (!settings.enabled) return undefined;
    const stream = new ConfiguredStream(name, settings, this.#options);
    this.#streams.set(name, stream);
    return stream;
  }

  /** For publishers: the stream in one of its encodings (default: the first), unless it was stopped by command. */
  find(name: string, rid?: string): MediaStream | undefined {
    const stream = this.#streams.get(name);
    return stream?.opened ? stream.rendition(rid) : undefined;
  }

  renditions(name: string): readonly MediaStream[] {
    const stream = this.#streams.get(name);
    return stream?.opened ? stream.renditions : [];
  }

  names(): string[] {
    return [...this.#streams.keys()];
  }

  all(): ConfiguredStream[] {
    return [...this.#streams.values()];
  }

  /** @throws ControlError `not_found`. */
  get(name: string): ConfiguredStream {
    const stream = this.#streams.get(name);
    if (stream === undefined)
      throw new ControlError('not_found', `there is no stream '${name}'; ${this.#known()}`, `/streams/${name}`);
    return stream;
  }

  #known(): string {
    const names = this.names();
    return names.length === 0 ? 'none is configured' : `configured: ${names.join(', ')}`;
  }
}
