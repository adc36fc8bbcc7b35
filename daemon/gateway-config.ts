import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import type { LocalConfig } from '../config/loader.ts';
import type { RemoteIncident } from '../config/open-config.ts';
import { patchLayer, type RemoteLayer } from '../config/remote-layer.ts';
import type { RemoteVersion } from '../config/remote-store.ts';
import { SCHEMA_VERSION } from '../config/schema.ts';
import type { LoadedConfig } from '../config/settings.ts';
import { AppliedConfig, type AppliedConfigOptions } from './applied-config.ts';
import { changeTo, describeChange, refuseSecretElsewhere } from './config-change.ts';
import type { ConfigChangeOptions, ConfigChangeReport, ConfigPort, ConfigReport } from './control/config-port.ts';
import { ControlError } from './control/gateway-port.ts';

export interface GatewayConfigOptions extends AppliedConfigOptions {
  /** What happened to the remote configuration before the gateway was there. */
  incidents: readonly RemoteIncident[];
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

/**
 * The configuration as the control surface sees it: what was set from afar over what stands at the machine. Every
 * change is validated as a whole before anything is done.
 */
export class GatewayConfig implements ConfigPort {
  readonly #options: GatewayConfigOptions;
  readonly #applied: AppliedConfig;

  constructor(options: GatewayConfigOptions) {
    this.#options = options;
    this.#applied = new AppliedConfig(options);
  }

  /** As it holds now. */
  get current(): LoadedConfig {
    return this.#applied.current;
  }

  /** The gateway runs: tells what happened before, and waits for a confirmation that is due. */
  start(): void {
    const { incidents, log } = this.#options;
    for (const { action, paths, reason } of incidents) {
      log.warn({ action, paths }, `remote configuration: ${reason}`);
      this.#applied.event({ action, by: 'gateway', paths, reason });
    }
    this.#applied.awaitConfirmation();
  }

  /** A change that waits to be confirmed is left for the next start to undo. */
  stop(): Promise<void> {
    return this.#applied.stop();
  }

  /**
   * What stands at the machine has changed: the gateway follows as far as that touches it.
   * @returns false where it takes another gateway, or does not go together with what was set from afar; then nothing has changed.
   * @throws ControlError; then everything is as before.
   */
  reload(local: LocalConfig): Promise<boolean> {
    return this.#applied.exclusive(async () => {
      await this.#applied.finish();
      try {
        return await this.#applied.replaceLocal(local, await local.load(this.#options.store.current.layer));
      } catch (error) {
        if (error instanceof ConfigError) return false;
        throw error;
      }
    });
  }

  report(): ConfigReport {
    const { redacted, origins } = this.current;
    const { current, history, confirmation } = this.#options.store;
    return {
      config: redacted,
      origins: Object.fromEntries(origins),
      schemaVersion: SCHEMA_VERSION,
      revision: current.revision,
      history: history.map(({ layer: _, paths, ...version }) => ({ ...version, paths: [...paths] })),
      ...(confirmation === undefined ? {} : { confirmation: { within: confirmation.within } }),
    };
  }

  patch(patch: object, options: ConfigChangeOptions): Promise<ConfigChangeReport> {
    const { local } = this.#applied;
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
    return this.#applied.exclusive(async () => {
      const { current, confirmation } = this.#options.store;
      if (confirmation === undefined) throw new ControlError('conflict', 'nothing waits to be confirmed');
      if (revision !== undefined && revision !== current.revision) throw outdated(revision, current.revision);
      await this.#applied.confirm(by);
      return { revision: current.revision };
    });
  }

  finish(): void {
    void this.#applied.exclusive(() => this.#applied.finish());
  }

  #changeStream(
    name: string,
    settings: object | null,
    options: ConfigChangeOptions,
    mustExist: boolean,
  ): Promise<ConfigChangeReport> {
    const patch = { streams: Object.fromEntries([[name, settings]]) };
    const layerOf = (layer: RemoteLayer): RemoteLayer => {
      const { streams } = this.current.settings;
      const at = `/streams/${name}`;
      if (!mustExist && Object.hasOwn(streams, name))
        throw new ControlError('conflict', `there is a stream '${name}' already`, at);
      if (mustExist && !Object.hasOwn(streams, name)) {
        const names = Object.keys(streams).join(', ') || 'none';
        throw new ControlError('not_found', `there is no stream '${name}'; configured: ${names}`, at);
      }
      return patchLayer(layer, patch, this.#applied.local.streams);
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
    return this.#applied.exclusive(async () => {
      const { store } = this.#options;
      const { local } = this.#applied;
      await this.#applied.finish();
      this.#refuseUntimely(request);
      const change = await changeTo(() => layerOf(store.current.layer), local, this.current);
      // Every version that can be gone back to was right as a whole.
      if (patch !== undefined) refuseSecretElsewhere(this.current, change, patch);
      const report = describeChange(change, patch ?? change.layer);
      const { confirmWithin } = options;
      const told = confirmWithin === undefined ? report : { ...report, confirmWithin };
      if (options.dryRun) return { revision: store.current.revision, applied: false, ...told };
      this.#requireConfirmation(request, report.confirmationNeededFor);
      if (!isDeepStrictEqual(change.layer, store.current.layer)) {
        await this.#applied.apply(request.action, options, change);
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
}

function outdated(seen: number, current: number): ControlError {
  const message = `/revision: the configuration has changed: it is at revision ${current}, not ${seen}`;
  return new ControlError('conflict', message, '/revision');
}
