/** MQTT allows 65,535 bytes (MQTT 5, 1.5.4); nobody needs them. */
const MAX_TOPIC = 1024;

/** The topics of one gateway. */
export class Topics {
  /** `<baseTopic>/<gatewayId>`. */
  readonly base: string;
  /** Where Home Assistant listens for discovery. */
  readonly discoveryPrefix: string;
  readonly #baseTopic: string;
  readonly #gatewayId: string;

  constructor(baseTopic: string, gatewayId: string, discoveryPrefix: string) {
    this.base = `${baseTopic}/${gatewayId}`;
    this.discoveryPrefix = discoveryPrefix;
    this.#baseTopic = baseTopic;
    this.#gatewayId = gatewayId;
  }

  get availability(): string {
    return `${this.base}/availability`;
  }

  get log(): string {
    return `${this.base}/log`;
  }

  get requests(): string {
    return `${this.base}/request/#`;
  }

  /** The filter of the plain topics. */
  get sets(): string {
    return `${this.base}/streams/+/set/+`;
  }

  /** Home Assistant says `online` here when it has started. */
  get homeAssistantStatus(): string {
    return `${this.discoveryPrefix}/status`;
  }

  /** The filter that finds every device of ours that a broker holds. */
  get discoveries(): string {
    return this.discovery('+');
  }

  /** Where one of our devices is described; the gateway's id is a level of its own, so that a broker can tell us apart. */
  discovery(device: string): string {
    return `${this.discoveryPrefix}/device/${this.#gatewayId}/${device}/config`;
  }

  /** The device of ours that this topic describes, or undefined. */
  discoveredOn(topic: string): string | undefined {
    const [before = '', after = ''] = this.discoveries.split('+');
    const inside = topic.startsWith(before) && topic.endsWith(after) && topic.length > before.length + after.length;
    return inside ? topic.slice(before.length, -after.length) : undefined;
  }

  /** The filter that finds every stream whose state a broker holds. */
  get streamAvailabilities(): string {
    return `${this.base}/streams/+/availability`;
  }

  get events(): string {
    return `${this.base}/events`;
  }

  get telemetry(): string {
    return `${this.base}/telemetry`;
  }

  /** The topics of one stream. */
  stream(name: string): { state: string; availability: string; snapshot: string; set(property: string): string } {
    const at = `${this.base}/streams/${name}`;
    return {
      state: `${at}/state`,
      availability: `${at}/availability`,
      snapshot: `${at}/snapshot`,
      set: (property) => `${at}/set/${property}`,
    };
  }

  request(command: string): string {
    return `${this.base}/request/${command}`;
  }

  response(command: string): string {
    return `${this.base}/response/${command}`;
  }

  /** The command that a message on this topic requests, or undefined. */
  commandOf(topic: string): string | undefined {
    const prefix = `${this.base}/request/`;
    return topic.startsWith(prefix) && topic.length > prefix.length ? topic.slice(prefix.length) : undefined;
  }

  /** The stream and its property that a message on this topic sets, or undefined. */
  propertyOf(topic: string): { stream: string; property: string } | undefined {
    const prefix = `${this.base}/streams/`;
    const [stream, set, property, more] = topic.startsWith(prefix) ? topic.slice(prefix.length).split('/') : [];
    if (stream === undefined || set !== 'set' || property === undefined || more !== undefined) return undefined;
    return { stream, property };
  }

  /** The stream whose availability this topic tells, or undefined. */
  streamOf(topic: string): string | undefined {
    const prefix = `${this.base}/streams/`;
    const suffix = '/availability';
    return topic.startsWith(prefix) && topic.endsWith(suffix) ? topic.slice(prefix.length, -suffix.length) : undefined;
  }

  /**
   * Why an answer is not sent to this Response Topic, or undefined: we have rights on the broker that the sender may
   * lack, so it must not choose where we publish beyond what answers need.
   */
  responseTopicProblem(topic: string): string | undefined {
    if (topic === '' || topic.length > MAX_TOPIC) return `must have 1 to ${MAX_TOPIC} characters`;
    // MQTT 5, 3.3.2.3.5 and 4.7.3.
    if (/[+#\0]/.test(topic)) return 'must not contain wildcards';
    if (topic.startsWith('$')) return 'must not be one of the broker ($...)';
    if (isUnder(topic, this.discoveryPrefix)) return 'must not be under the discovery prefix';
    // Neither our own topics nor those of another gateway, which may listen to us.
    const [, section, ...rest] = topic.slice(this.#baseTopic.length + 1).split('/');
    if (isUnder(topic, this.#baseTopic) && !(section === 'response' && rest.length > 0))
      return `must not be one of a gateway's own but under ${this.base}/response/`;
    return undefined;
  }
}

function isUnder(topic: string, prefix: string): boolean {
  return topic === prefix || topic.startsWith(`${prefix}/`);
}
