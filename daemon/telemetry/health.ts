/** What one part of the gateway says of itself. */
export interface ComponentHealth {
  component: string;
  ok: boolean;
  /** Why not, in words for people. */
  reason?: string;
}

/** `degraded`: the gateway does its work without something; `failing`: a vital part does not work. */
export interface HealthVerdict {
  status: 'ok' | 'degraded' | 'failing';
  components: ComponentHealth[];
}

/** Looks at a component now: undefined when it works, else the reason why not. Cheap, and may throw, which counts as a reason. */
export type HealthProbe = () => string | undefined;

/** The one verdict over everything that can be unwell, for /healthz, the systemd watchdog and telemetry. */
export class Health {
  readonly #probes = new Map<string, { probe: HealthProbe; vital: boolean }>();

  /**
   * @param vital a part without which a restart of the process is the remedy; a missing camera or broker is none.
   * @returns a function that takes it out again.
   */
  register(component: string, probe: HealthProbe, vital = false): () => void {
    const entry = { probe, vital };
    this.#probes.set(component, entry);
    return () => {
      if (this.#probes.get(component) === entry) this.#probes.delete(component);
    };
  }

  verdict(): HealthVerdict {
    let status: HealthVerdict['status'] = 'ok';
    const components: ComponentHealth[] = [];
    for (const [component, { probe, vital }] of this.#probes) {
      const reason = reasonOf(probe);
      if (reason === undefined) {
        components.push({ component, ok: true });
        continue;
      }
      components.push({ component, ok: false, reason });
      if (vital) status = 'failing';
      else if (status === 'ok') status = 'degraded';
    }
    return { status, components };
  }
}

function reasonOf(probe: HealthProbe): string | undefined {
  try {
    return probe();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
