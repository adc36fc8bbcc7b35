import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../../lib/backoff.ts';
import type { Terminal } from '../run-command.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import { FleetView } from './fleet-view.ts';
import { Screen, type ScreenOutput } from './screen.ts';
import type { Target } from './target.ts';

export interface WatchOptions {
  fleet: FleetOptions;
  target: Target;
  terminal: Terminal;
  /** `NO_COLOR` is followed. */
  env: NodeJS.ProcessEnv;
}

/** Milliseconds between two pictures at most; nothing is written where nothing has changed. */
const PICTURE = 500;
/** Milliseconds between two looks at the streams of the one gateway that is watched: telemetry comes more rarely. */
const LOOK = 2000;
const RETRY = { minimum: 500, maximum: 10_000 };

/** Gateways, shown until somebody ends it: on a terminal as a picture that changes, else as a line for each change. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #view = new FleetView();
  readonly #screen: Screen | undefined;
  #fleet: Fleet | undefined;
  /** Why there is no broker now. */
  #trouble = '';

  constructor(options: WatchOptions) {
    const { stdout } = options.terminal;
    this.#options = options;
    const output: ScreenOutput & { isTTY?: boolean } = stdout;
    this.#screen = output.isTTY ? new Screen(output, !options.env.NO_COLOR) : undefined;
  }

  /**
   * @param ended when it resolves nothing more is shown
   * @throws CtlError when the broker cannot be reached at first; later it is tried for ever
   */
  async run(ended: Promise<void>): Promise<void> {
    const { terminal, target } = this.#options;
    this.#fleet = await this.#follow();
    this.#screen?.enter();
    const resized = (): void => {
      this.#screen?.resized();
      this.#paint();
    };
    terminal.stdout.on('resize', resized);
    this.#paint();
    const pictures = this.#screen && setInterval(() => this.#paint(), PICTURE);
    const looks = this.#screen && 'id' in target ? setInterval(() => void this.#look(target.id), LOOK) : undefined;
    let over = false;
    const end = ended.then(() => {
      over = true;
    });
    const backoff = new Backoff(RETRY);
    try {
      while (!over) {
        const lost = this.#fleet === undefined ? undefined : await Promise.race([this.#fleet.closed, end]);
        if (over) break;
        if (lost !== undefined) this.#lost(lost);
        await Promise.race([sleep(backoff.next()), end]);
        if (over) break;
        this.#fleet = await this.#follow().catch((error: Error) => this.#lost(error));
        if (this.#fleet !== undefined) backoff.reset();
      }
    } finally {
      clearInterval(pictures);
      clearInterval(looks);
      terminal.stdout.off('resize', resized);
      this.#screen?.leave();
      await this.#fleet?.close();
    }
  }

  async #follow(): Promise<Fleet> {
    const { fleet: options, target } = this.#options;
    const fleet = await Fleet.connect(options);
    const topics = fleet.topics('id' in target ? target.id : '+');
    const filters = [topics.availability, topics.stream('+').state, topics.telemetry];
    await fleet.follow(filters, ({ topic, payload }) => {
      const parts = fleet.partsOf(topic);
      if (parts === undefined || ('matches' in target && !target.matches(parts.id))) return;
      const news = this.#view.received(parts.id, parts.rest, payload);
      if (news !== undefined) this.#say(news);
    });
    this.#trouble = '';
    return fleet;
  }

  /** What it does not say now it says the next time. */
  async #look(id: string): Promise<void> {
    const answer = await this.#fleet?.ask(id, 'stream/list', {}, LOOK).catch(() => undefined);
    if (answer?.status !== 'ok') return;
    const { streams } = answer.data as { streams?: unknown };
    if (Array.isArray(streams)) this.#view.answered(id, streams);
  }

  #lost({ message }: Error): undefined {
    this.#trouble = message.split('\n')[0] ?? '';
    this.#say(`no broker: ${this.#trouble}; trying again`);
    return undefined;
  }

  #say(line: string): void {
    if (this.#screen === undefined) this.#options.terminal.stdout.write(`${new Date().toISOString()} ${line}\n`);
  }

  #paint(): void {
    const { target } = this.#options;
    const { all, online } = this.#view.count();
    const counted = 'id' in target ? '' : `${online} of ${all} online   `;
    const trouble = this.#trouble === '' ? '' : `no broker: ${this.#trouble}; trying again   `;
    this.#screen?.paint(
      'id' in target ? this.#view.gateway(target.id) : this.#view.fleet(),
      `${counted}${trouble}q ends`,
    );
  }
}
