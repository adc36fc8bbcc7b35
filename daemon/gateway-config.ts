import { isDeepStrictEqual } from 'node:util';
import { type ChangePlan, changesBetween, planOf } from '../config/changes.ts';
import { pointer } from '../config/check.ts';
import type { LocalConfig } from '../config/loader.ts';
import { type RemoteIncident, undoLast } from '../config/open-config.ts';
import { patchLayer, type RemoteLayer } from '../config/remote-layer.ts';
import type { RemoteStore, RemoteVersion } from '../config/remote-store.ts';
import type { LoadedConfig } from '../config/settings.ts';
import { type ConfigChange, changeTo, describeChange, refuseSecretElsewhere, splitPlan } from './config-change.ts';
import type { ConfigChangeOptions, ConfigChangeReport, ConfigPort, ConfigReport } from './control/config-port.ts';
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

export interface GatewayConfigOptions {
  config: LoadedConfig;
  local: LocalConfig;
  store: RemoteStore;
  /** What happened to the remote configuration before the gateway was there. */
  incidents: readonly RemoteIncident[];
  gateway: ConfigurableGateway;
  clock: Clock;
  log: Log;
}

/** What somebody asks for. */
interface ChangeRequest {
  action: 'patch' | 'rollback';
  options: ConfigChangeOptions;
  /** @throws ControlError, ConfigError. */
  layerOf: (layer: RemoteLayer) => RemoteLayer;
  /** Undefined for a rollback, which asks for the whole layer. */
  patch?: object;
}

/** Milliseconds after which what cuts off the answer is done even if nobody says that it has gone out. */
const FINISH_LIMIT_MS = 5000;

/**
 * The configuration while the gateway runs: what was set from afar over what stands at the machine. One change at a
 * time; each is validated as a whole, on disk before anything follows it, and undone where the gateway cannot follow
 * or nobody confirms it.
 */
export class GatewayConfig implements ConfigPort {
  readonly #options: GatewayConfigOptions;
  #config: LoadedConfig;
  #last: Promise<unknown> = Promise.resolve();
  /** What waits for the answer to go out. */
  #deferred: ChangePlan | undefined;
  #finishTimer: Timer | undefined;
  #confirmTimer: Timer | undefined;

  constructor(options: GatewayConfigOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** As it holds now. */
  get current(): LoadedConfig {
    return this.#config;
  }

  /** The gateway runs: tells what happened before, and waits for a confirmation that is due. */
  start(): void {
    const { incidents, log } = this.#options;
    for (const { action, paths, reason } of incidents) {
      log.warn({ action, paths }, `remote configuration: ${reason}`);
      this.#event({ action, by: 'gateway', paths, reason });
    }
    this.#awaitConfirmation();
  }

  /** A change that waits to be confirmed is left for the next start to undo. */
  async stop(): Promise<void> {
    const { clock } = this.#options;
    clock.clearTimeout(this.#confirmTimer);
    clock.clearTimeout(this.#finishTimer);
    await this.#last;
  }

  report(): ConfigReport {
    const { redacted, origins } = this.#config;
    const { current, history, confirmation } = this.#options.store;
    return {
      config: redacted,
      origins: Object.fromEntries(origins),
      revision: current.revision,
      history: history.map(({ layer: _, paths, ...version }) => ({ ...version, paths: [...paths] })),
      ...(confirmation === undefined ? {} : { confirmation: { within: confirmation.within } }),
    };
  }

  patch(patch: object, options: ConfigChangeOptions): Promise<ConfigChangeReport> {
    const { local } = this.#options;
    const layerOf = (layer: RemoteLayer) => patchLayer(layer, patch, local.streams);
    return this.#change({ action: 'patch', options, layerOf, patch });
  }

  createStream(name: string, settings: object, options: ConfigChangeOptions): Promise<ConfigChangeReport> {
    return this.#changeStream(name, settings, options, false);
  }

  updateStream(name: string, settings: object, options: ConfigChangeOptions): Promise<ConfigChangeReport> {
    return this.#changeStream(name, settings, options, true);
  }

  deleteStream(name: string, options: ConfigChangeOptions): Promise<ConfigChangeReport> {
    return this.#changeStream(name, null, options, true);
  }

  rollback(to: number | undefined, options: ConfigChangeOptions): Promise<ConfigChangeReport> {
    return this.#change({ action: 'rollback', options, layerOf: () => this.#versionOf(to).layer });
  }

  confirm(revision: number | undefined, by: string): Promise<{ revision: number }> {
    return this.#exclusive(async () => {
      const { store, clock, gateway } = this.#options;
      const { current, confirmation } = store;
      if (confirmation === undefined) throw new ControlError('conflict', 'nothing waits to be confirmed');
      if (revision !== undefined && revision !== current.revision) throw outdated(revision, current.revision);
      await keep(() => store.setConfirmation(undefined));
      clock.clearTimeout(this.#confirmTimer);
      this.#event({ action: 'confirmed', by, paths: current.paths });
      gateway.configChanged();
      return { revision: current.revision };
    });
  }

  finish(): void {
    void this.#exclusive(() => this.#finish());
  }

  #changeStream(
    name: string,
    settings: object | null,
    options: ConfigChangeOptions,
    mustExist: boolean,
  ): Promise<ConfigChangeReport> {
    const patch = { streams: Object.fromEntries([[name, settings]]) };
    const layerOf = (layer: RemoteLayer): RemoteLayer => {
      const { streams } = this.#config.settings;
      const at = `/streams/${name}`;
      if (!mustExist && Object.hasOwn(streams, name))
        throw new ControlError('conflict', `there is a stream '${name}' already`, at);
      if (mustExist && !Object.hasOwn(streams, name)) {
        const names = Object.keys(streams).join(', ') || 'none';
        throw new ControlError('not_found', `there is no stream '${name}'; configured: ${names}`, at);
      }
      return patchLayer(layer, patch, this.#options.local.streams);
    };
    return this.#change({ action: 'patch', options, layerOf, patch });
  }

  #versionOf(revision: number | undefined): RemoteVersion {
    const { history } = this.#options.store;
    const version = revision === undefined ? history[0] : history.find((candidate) => candidate.revision === revision);
    if (version !== undefined) return version;
    const known = history.map((candidate) => candidate.revision).join(', ') || 'nothing yet';
    throw new ControlError('not_found', `there is no such version; there is ${known}`, '/to');
  }

  #change(request: ChangeRequest): Promise<ConfigChangeReport> {
    const { options, layerOf, patch } = request;
    return this.#exclusive(async () => {
      const { store, gateway, local } = this.#options;
      await this.#finish();
      this.#refuseUntimely(request);
      const change = await changeTo(() => layerOf(store.current.layer), local, this.#config);
      // Every version that can be gone back to was right as a whole.
      if (patch !== undefined) refuseSecretElsewhere(this.#config, change, patch);
      const report = describeChange(change, patch ?? change.layer);
      const { confirmWithin } = options;
      const told = confirmWithin === undefined ? report : { ...report, confirmWithin };
      if (options.dryRun) return { revision: store.current.revision, applied: false, ...told };
      this.#requireConfirmation(request, report.confirmationNeededFor);
      if (!isDeepStrictEqual(change.layer, store.current.layer)) {
        await gateway.check(change.config, change.plan);
        await this.#make(request, change);
      }
      return { revision: store.current.revision, applied: true, ...told };
    });
  }

  #refuseUntimely({ action, options }: ChangeRequest): void {
    const { revision, dryRun } = options;
    const { current, confirmation } = this.#options.store;
    if (revision !== undefined && revision !== current.revision) throw outdated(revision, current.revision);
    if (confirmation === undefined || dryRun || action === 'rollback') return;
    throw new ControlError(
      'conflict',
      `revision ${current.revision} waits to be confirmed; config/confirm or config/rollback comes first`,
    );
  }

  /** Except for the way back from a change that is not confirmed. */
  #requireConfirmation({ action, options }: ChangeRequest, path: string | undefined): void {
    if (path === undefined || options.confirmWithin !== undefined) return;
    if (action === 'rollback' && this.#options.store.confirmation !== undefined) return;
    throw new ControlError(
      'invalid_request',
      `/confirmWithin is missing: a change of ${path} can cut the gateway off, so it is undone unless somebody confirms it`,
      '/confirmWithin',
    );
  }

  /** Keeps a change, then follows it, except for what would cut off the answer. */
  async #make({ action, options }: ChangeRequest, { layer, config, changes, plan }: ConfigChange): Promise<void> {
    const { store } = this.#options;
    const { by, confirmWithin } = options;
    const paths = changes.map(({ path }) => pointer(path));
    const confirmation =
      confirmWithin === undefined ? undefined : { within: confirmWithin, restarts: plan.has('gateway') };
    await keep(() => store.commit({ action, by, paths, layer }, confirmation));
    const [now, later] = splitPlan(plan);
    await this.#follow(config, now);
    this.#event({ action, by, paths });
    if (later.size === 0) this.#awaitConfirmation();
    else this.#defer(later);
  }

  /** Makes a configuration the one that holds; where the gateway cannot follow, everything is as before. */
  async #follow(next: LoadedConfig, plan: ChangePlan): Promise<void> {
    const { gateway } = this.#options;
    const before = this.#config;
    this.#config = next;
    try {
      if (plan.size > 0) await gateway.follow(plan);
    } catch (error) {
      const reason = messageOf(error);
      await this.#undo(before, reason);
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
    this.#event({ action: 'undone', by: 'gateway', paths, reason });
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

  #defer(plan: ChangePlan): void {
    this.#deferred = plan;
    this.#finishTimer = this.#options.clock.setTimeout(() => this.finish(), FINISH_LIMIT_MS);
  }

  async #finish(): Promise<void> {
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
    this.#awaitConfirmation();
  }

  #awaitConfirmation(): void {
    const { store, clock } = this.#options;
    clock.clearTimeout(this.#confirmTimer);
    const { confirmation } = store;
    if (confirmation === undefined) return;
    this.#confirmTimer = clock.setTimeout(() => {
      void this.#exclusive(async () => {
        // It may have been confirmed while this waited for its turn.
        if (store.confirmation === confirmation)
          await this.#expire(`nobody confirmed it within ${confirmation.within} s`);
      });
    }, confirmation.within * 1000);
  }

  /** Undoes the current version although the gateway follows it. */
  async #expire(reason: string): Promise<void> {
    const { local, store, log } = this.#options;
    const before = await local.load(store.history[0]?.layer).catch((error) => {
      log.error({ err: error }, 'the configuration before does not hold any more: that of the machine alone does');
      return local.load();
    });
    await this.#undo(before, reason);
  }

  /** One after the other. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #event(data: Record<string, unknown>): void {
    const { gateway, store } = this.#options;
    gateway.event({ type: 'config', data: { ...data, revision: store.current.revision } });
  }
}

function outdated(seen: number, current: number): ControlError {
  const message = `/revision: the configuration has changed: it is at revision ${current}, not ${seen}`;
  return new ControlError('conflict', message, '/revision');
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
