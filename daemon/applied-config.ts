import { type ChangePlan, changesBetween, planOf } from '../config/changes.ts';
import { pointer } from '../config/check.ts';
import type { LocalConfig } from '../config/loader.ts';
import { undoLast } from '../config/open-config.ts';
import type { RemoteStore } from '../config/remote-store.ts';
import type { LoadedConfig } from '../config/settings.ts';
import { type ConfigChange, splitPlan } from './config-change.ts';
import { ControlError, type GatewayEvent } from './control/gateway-port.ts';
import type { Clock, Timer } from './lib/clock.ts';
import type { Log } from './lib/log.ts';

/** The gateway as far as it follows a change of its configuration. */
export interface ConfigurableGateway {
  /** Looks whether it could, changing nothing. @throws ControlError that tells why not. */
  check(next: LoadedConfig, plan: ChangePlan): Promise<void>;
  /** Brings the parts of the plan in line with the configuration as it is now. Rejects where one does not start. */
  follow(plan: ChangePlan): Promise<void>;
  restart(): void;
  configChanged(): void;
  event(event: GatewayEvent): void;
}

export interface AppliedConfigOptions {
  config: LoadedConfig;
  local: LocalConfig;
  store: RemoteStore;
  gateway: ConfigurableGateway;
  clock: Clock;
  log: Log;
}

/** Milliseconds after which what cuts off the answer is done even if nobody says that it has gone out. */
const FINISH_LIMIT_MS = 5000;

/**
 * The configuration that holds, on disk and in the gateway. A change is kept before anything follows it, and undone
 * where the gateway cannot follow or nobody confirms it. One at a time: whoever calls comes through {@link exclusive}.
 */
export class AppliedConfig {
  readonly #options: AppliedConfigOptions;
  #local: LocalConfig;
  #config: LoadedConfig;
  #last: Promise<unknown> = Promise.resolve();
  /** What waits for the answer to go out. */
  #deferred: ChangePlan | undefined;
  #finishTimer: Timer | undefined;
  #confirmTimer: Timer | undefined;

  constructor(options: AppliedConfigOptions) {
    this.#options = options;
    this.#local = options.local;
    this.#config = options.config;
  }

  get current(): LoadedConfig {
    return this.#config;
  }

  /** What stands at the machine, beneath what was set from afar. */
  get local(): LocalConfig {
    return this.#local;
  }

  /** A change that waits to be confirmed is left for the next start to undo. */
  async stop(): Promise<void> {
    const { clock } = this.#options;
    clock.clearTimeout(this.#confirmTimer);
    clock.clearTimeout(this.#finishTimer);
    await this.#last;
  }

  /** One after the other. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Keeps a change, then follows it, except for what would cut off the answer, which {@link finish} does. @throws ControlError; then everything is as before. */
  async apply(
    action: 'patch' | 'rollback',
    { by, confirmWithin }: { by: string; confirmWithin?: number },
    { layer, config, changes, plan }: ConfigChange,
  ): Promise<void> {
    const { store, gateway } = this.#options;
    await gateway.check(config, plan);
    const paths = changes.map(({ path }) => pointer(path));
    const confirmation =
      confirmWithin === undefined ? undefined : { within: confirmWithin, restarts: plan.has('gateway') };
    await keep(() => store.commit({ action, by, paths, layer }, confirmation));
    const [now, later] = splitPlan(plan);
    await this.#follow(config, now, (before, reason) => this.#undo(before, reason));
    this.event({ action, by, paths });
    if (later.size === 0) this.awaitConfirmation();
    else {
      this.#deferred = later;
      this.#finishTimer = this.#options.clock.setTimeout(() => {
        void this.exclusive(() => this.finish());
      }, FINISH_LIMIT_MS);
    }
  }

  /**
   * Another local configuration: the gateway follows it as far as that touches it.
   * @returns false where that takes a gateway of its own; then nothing has changed.
   * @throws ControlError; then everything is as before.
   */
  async replaceLocal(local: LocalConfig, next: LoadedConfig): Promise<boolean> {
    const { gateway } = this.#options;
    const changes = changesBetween(this.#config, next);
    const plan = planOf(changes);
    if (plan.has('gateway')) return false;
    await gateway.check(next, plan);
    await this.#follow(next, plan, async (before) => {
      this.#config = before;
      await this.#followSurely(planOf(changesBetween(next, before)));
    });
    this.#local = local;
    if (changes.length > 0)
      this.event({ action: 'reload', by: 'local', paths: changes.map(({ path }) => pointer(path)) });
    return true;
  }

  /** Does what has waited for the answer to go out, if anything has. */
  async finish(): Promise<void> {
    const plan = this.#deferred;
    if (plan === undefined) return;
    const { clock, gateway } = this.#options;
    this.#deferred = undefined;
    clock.clearTimeout(this.#finishTimer);
    if (plan.has('gateway')) {
      gateway.restart();
      return;
    }
    try {
      await gateway.follow(plan);
    } catch (error) {
      await this.#expire(messageOf(error));
      return;
    }
    this.awaitConfirmation();
  }

  /** The change that waits stays. @throws ControlError. */
  async confirm(by: string): Promise<void> {
    const { store, clock, gateway } = this.#options;
    await keep(() => store.setConfirmation(undefined));
    clock.clearTimeout(this.#confirmTimer);
    this.event({ action: 'confirmed', by, paths: store.current.paths });
    gateway.configChanged();
  }

  /** The time runs from now, where a change waits to be confirmed. */
  awaitConfirmation(): void {
    const { store, clock } = this.#options;
    clock.clearTimeout(this.#confirmTimer);
    const { confirmation } = store;
    if (confirmation === undefined) return;
    this.#confirmTimer = clock.setTimeout(() => {
      void this.exclusive(async () => {
        // It may have been confirmed while this waited for its turn.
        if (store.confirmation !== confirmation) return;
        await this.#expire(`nobody confirmed it within ${confirmation.within} s`);
      });
    }, confirmation.within * 1000);
  }

  event(data: Record<string, unknown>): void {
    const { gateway, store } = this.#options;
    gateway.event({ type: 'config', data: { ...data, revision: store.current.revision } });
  }

  /** Makes a configuration the one that holds; where the gateway cannot follow, `undo` has everything as before. */
  async #follow(
    next: LoadedConfig,
    plan: ChangePlan,
    undo: (before: LoadedConfig, reason: string) => Promise<void>,
  ): Promise<void> {
    const { gateway } = this.#options;
    const before = this.#config;
    this.#config = next;
    try {
      if (plan.size > 0) await gateway.follow(plan);
    } catch (error) {
      const reason = messageOf(error);
      await undo(before, reason);
      throw new ControlError('unavailable', `everything is as before: ${reason}`);
    }
    gateway.configChanged();
  }

  /** Back to the version before the current one, on disk too. */
  async #undo(before: LoadedConfig, reason: string): Promise<void> {
    const { store, gateway, log, clock } = this.#options;
    clock.clearTimeout(this.#confirmTimer);
    const plan = planOf(changesBetween(this.#config, before));
    const { paths } = store.current;
    this.#config = before;
    try {
      await undoLast(store, reason);
    } catch (error) {
      // The next start tries it again where the change was to be confirmed.
      log.error({ err: error }, 'the configuration before cannot be kept');
    }
    log.warn({ paths }, `the configuration is as before: ${reason}`);
    await this.#followSurely(plan);
    gateway.configChanged();
    // Last, since it is MQTT perhaps that had to follow.
    this.event({ action: 'undone', by: 'gateway', paths, reason });
  }

  async #followSurely(plan: ChangePlan): Promise<void> {
    const { gateway, log } = this.#options;
    if (plan.has('gateway')) {
      gateway.restart();
      return;
    }
    try {
      await gateway.follow(plan);
    } catch (error) {
      log.error({ err: error }, 'the configuration before does not work any more');
    }
  }

  /** Undoes the current version although the gateway follows it. */
  async #expire(reason: string): Promise<void> {
    const { store, log } = this.#options;
    const local = this.#local;
    const before = await local.load(store.history[0]?.layer).catch((error) => {
      log.error({ err: error }, 'the configuration before does not hold any more: that of the machine alone does');
      return local.load();
    });
    await this.#undo(before, reason);
  }
}

/** Writes to disk; where that fails nothing has changed. */
async function keep(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new ControlError('unavailable', `the change cannot be kept: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
