/** Where Home Assistant listens for discovery: nothing of ours goes there because a request asks for it. */
const DISCOVERY_PREFIX = 'homeassistant';
/** MQTT allows 65,535 bytes (MQTT 5, 1.5.4); nobody needs them. */
const MAX_TOPIC = 1024;

/** The topics of one gateway. */
export class Topics {
  /** `<baseTopic>/<gatewayId>`. */
  readonly base: string;

  constructor(baseTopic: string, gatewayId: string) {
    this.base = `${baseTopic}/${gatewayId}`;
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

  /** The filter that finds every stream whose state a broker holds. */
  get streamAvailabilities(): string {
    return `${this.base}/streams/+/availability`;
  }

  snapshot(streamName: string): string {
    return `${this.base}/streams/${streamName}/snapshot`;
  }

  response(command: string): string {
    return `${this.base}/response/${command}`;
  }

  /** The command that a message on this topic requests, or undefined. */
  commandOf(topic: string): string | undefined {
    const prefix = `${this.base}/request/`;
    return topic.startsWith(prefix) && topic.length > prefix.length ? topic.slice(prefix.length) : undefined;
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
    if (topic === DISCOVERY_PREFIX || topic.startsWith(`${DISCOVERY_PREFIX}/`))
      return 'must not be under the discovery prefix';
    const ours = topic === this.base || topic.startsWith(`${this.base}/`);
    if (ours && !topic.startsWith(`${this.base}/response/`))
      return `must not be one of the gateway's own but under ${this.base}/response/`;
    return undefined;
  }
}
