import { columns, printable } from './answer-text.ts';

interface StreamView {
  state: string;
  reason: string;
  viewers: number;
  bitrate: number;
  frameRate: number;
  /** Frames since the gateway was started, at whatever stage. */
  dropped: number;
}

interface GatewayView {
  availability: 'online' | 'offline' | undefined;
  health: string;
  /** What is not well, for people. */
  problems: string;
  cpu: number | undefined;
  temperature: number | undefined;
  readonly streams: Map<string, StreamView>;
}

/** A line of the picture; `verdict` is for its colour. */
export interface ViewLine {
  text: string;
  verdict: 'head' | 'good' | 'uneasy' | 'bad' | 'idle';
}

/** What is known of some gateways from their messages, as lines. */
export class FleetView {
  readonly #gateways = new Map<string, GatewayView>();

  /**
   * Takes a message.
   * @param topic what follows the gateway's id
   * @returns what has changed that is worth a line in a log
   */
  received(id: string, topic: string, payload: Buffer): string | undefined {
    const gateway = this.#gateway(id);
    if (topic === 'availability') return this.#availability(id, gateway, payload.toString());
    const [, name = '', leaf] = topic.split('/');
    if (leaf === 'state' && payload.length === 0) {
      return gateway.streams.delete(name) ? `${id} ${printable(name)}: gone` : undefined;
    }
    const data = parse(payload);
    if (data === undefined) return undefined;
    if (leaf === 'state') return this.#stream(id, gateway, name, data);
    if (topic === 'telemetry') return this.#telemetry(id, gateway, data);
    return undefined;
  }

  /** What a gateway said of its streams when it was asked. */
  answered(id: string, streams: readonly Record<string, unknown>[]): void {
    const gateway = this.#gateway(id);
    for (const stream of streams) this.#stream(id, gateway, text(stream.name), stream);
  }

  /** One line for each gateway, those in trouble first. */
  fleet(): ViewLine[] {
    const rows = [...this.#gateways]
      .map(([id, gateway]) => ({ verdict: verdictOf(gateway), cells: fleetCells(id, gateway) }))
      .sort((a, b) => URGENCY[a.verdict] - URGENCY[b.verdict] || (a.cells[0] ?? '').localeCompare(b.cells[0] ?? ''));
    const head = ['GATEWAY', 'STATE', 'HEALTH', 'STREAMS', 'VIEWERS', 'BITRATE', 'FPS', 'CPU', 'TEMP', ''];
    const [first = '', ...texts] = columns([head, ...rows.map(({ cells }) => cells)]);
    return [
      { text: first, verdict: 'head' },
      ...texts.map((line, index) => ({ text: line, verdict: rows[index]?.verdict ?? 'idle' }) as const),
    ];
  }

  /** One gateway with a line for each of its streams. */
  gateway(id: string): ViewLine[] {
    const gateway = this.#gateway(id);
    const streams = [...gateway.streams].sort(([a], [b]) => a.localeCompare(b));
    const about = [
      gateway.availability ?? 'never seen',
      ...(gateway.health === '' ? [] : [`health ${gateway.health}`]),
      ...(gateway.cpu === undefined ? [] : [`cpu ${percent(gateway.cpu)}`]),
      ...(gateway.temperature === undefined ? [] : [celsius(gateway.temperature)]),
    ].join(', ');
    const head = ['STREAM', 'STATE', 'VIEWERS', 'BITRATE', 'FPS', 'DROPPED', ''];
    const rows = streams.map(([name, stream]) => [
      name,
      stream.state,
      ...numbers([stream]),
      String(stream.dropped),
      stream.reason,
    ]);
    const [first = '', ...texts] = columns([head, ...rows]);
    return [
      { text: `${id}: ${about}`, verdict: verdictOf(gateway) },
      ...(gateway.problems === '' ? [] : [{ text: gateway.problems, verdict: 'uneasy' } as const]),
      { text: '', verdict: 'idle' },
      { text: first, verdict: 'head' },
      ...texts.map(
        (line, index) => ({ text: line, verdict: STATES[streams[index]?.[1].state ?? ''] ?? 'idle' }) as const,
      ),
    ];
  }

  /** How many gateways there are, and how many of them say that they are there. */
  count(): { all: number; online: number } {
    const all = [...this.#gateways.values()];
    return { all: all.length, online: all.filter(({ availability }) => availability === 'online').length };
  }

  #gateway(id: string): GatewayView {
    let gateway = this.#gateways.get(id);
    if (gateway === undefined) {
      const unknown = { availability: undefined, health: '', problems: '', cpu: undefined, temperature: undefined };
      gateway = { ...unknown, streams: new Map() };
      this.#gateways.set(id, gateway);
    }
    return gateway;
  }

  #availability(id: string, gateway: GatewayView, said: string): string | undefined {
    if (said === '') {
      this.#gateways.delete(id);
      return `${id}: gone`;
    }
    const availability = said === 'online' ? 'online' : 'offline';
    if (gateway.availability === availability) return undefined;
    gateway.availability = availability;
    return `${id}: ${availability}`;
  }

  #stream(id: string, { streams }: GatewayView, name: string, data: Record<string, unknown>): string | undefined {
    const before = streams.get(name);
    const { state = before?.state, reason = before?.reason, bitrate, frameRate, viewers, framesDropped } = data;
    const now: StreamView = {
      state: text(state),
      reason: text(reason),
      bitrate: number(bitrate) ?? 0,
      frameRate: number(frameRate) ?? 0,
      viewers: sum(viewers),
      // Only telemetry tells.
      dropped: framesDropped === undefined ? (before?.dropped ?? 0) : sum(framesDropped),
    };
    streams.set(name, now);
    const same = before?.state === now.state && before.viewers === now.viewers && before.reason === now.reason;
    if (same) return undefined;
    const people = now.viewers === 1 ? '1 viewer' : `${now.viewers} viewers`;
    return `${id} ${printable(name)}: ${now.state}, ${people}${now.reason === '' ? '' : ` (${now.reason})`}`;
  }

  #telemetry(
    id: string,
    gateway: GatewayView,
    { health, machine, streams }: Record<string, unknown>,
  ): string | undefined {
    const { status, components } = map(health);
    const { cpu, temperature } = map(machine);
    const before = gateway.health;
    gateway.health = text(status);
    gateway.problems = (Array.isArray(components) ? components.map(map) : [])
      .filter(({ ok }) => ok === false)
      .map(({ component, reason }) => `${text(component)}: ${text(reason)}`)
      .join('; ');
    gateway.cpu = number(cpu);
    gateway.temperature = number(temperature);
    // Only those whose state is known: a stream that is gone may still stand in an older message.
    for (const [name, stream] of Object.entries(map(streams))) {
      if (gateway.streams.has(name)) this.#stream(id, gateway, name, map(stream));
    }
    if (gateway.health === before) return undefined;
    return `${id}: health ${gateway.health}${gateway.problems === '' ? '' : ` (${gateway.problems})`}`;
  }
}

const URGENCY = { bad: 0, uneasy: 1, good: 2, idle: 2, head: 2 } as const;

/** Of the states of a stream. */
const STATES: Readonly<Record<string, ViewLine['verdict']>> = {
  live: 'good',
  starting: 'good',
  muted: 'uneasy',
  privacy: 'idle',
  idle: 'idle',
  error: 'bad',
};

function verdictOf({ availability, health, streams }: GatewayView): ViewLine['verdict'] {
  const verdicts = [...streams.values()].map(({ state }) => STATES[state]);
  if (availability !== 'online' || health === 'failing' || verdicts.includes('bad')) return 'bad';
  return health === 'degraded' || verdicts.includes('uneasy') ? 'uneasy' : 'good';
}

function fleetCells(id: string, gateway: GatewayView): string[] {
  const { availability, health, problems, cpu, temperature } = gateway;
  const streams = [...gateway.streams.values()];
  const offline = availability !== 'online';
  const live = streams.filter(({ state }) => state === 'live').length;
  const trouble = [...gateway.streams].filter(([, { state }]) => state === 'muted' || state === 'error');
  const notes = trouble.map(
    ([name, { state, reason }]) => `${printable(name)} ${state}${reason === '' ? '' : ` (${reason})`}`,
  );
  return [
    printable(id),
    availability ?? 'never seen',
    offline ? '' : health,
    offline ? '' : `${live}/${streams.length}`,
    ...(offline ? ['', '', ''] : numbers(streams)),
    offline || cpu === undefined ? '' : percent(cpu),
    offline || temperature === undefined ? '' : celsius(temperature),
    offline ? '' : [problems, ...notes].filter((note) => note !== '').join('; '),
  ];
}

/** Viewers, bit rate and frame rate of all of them. */
function numbers(streams: readonly StreamView[]): string[] {
  const total = (of: (stream: StreamView) => number): number => streams.reduce((sum, stream) => sum + of(stream), 0);
  const frameRate = total((stream) => stream.frameRate);
  return [
    String(total((stream) => stream.viewers)),
    `${(total((stream) => stream.bitrate) / 1e6).toFixed(1)} Mbit/s`,
    Number.isInteger(frameRate) ? String(frameRate) : frameRate.toFixed(1),
  ];
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const celsius = (degrees: number): string => `${Math.round(degrees)} °C`;

/** What comes is another machine's word: whatever is not as it should be counts as not said. */
function parse(payload: Buffer): Record<string, unknown> | undefined {
  try {
    return map(JSON.parse(payload.toString()));
  } catch {
    return undefined;
  }
}

function map(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? printable(value) : '';
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function sum(viewers: unknown): number {
  return Object.values(map(viewers)).reduce((total: number, each) => total + (number(each) ?? 0), 0);
}
